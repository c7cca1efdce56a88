package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"gopkg.in/yaml.v2"
)

const defaultConfigFile = "/etc/rancher/k3s/config.yaml"

// configFilePath says which config file counts. That the environment beats the
// flag is k3s's own rule.
func configFilePath(args []string) string {
	if path := os.Getenv("K3S_CONFIG_FILE"); path != "" {
		return path
	}
	for i, arg := range args {
		name, value, inOne := strings.Cut(arg, "=")
		if name != "--config" && name != "-config" && name != "-c" && name != "--c" {
			continue
		}
		if inOne {
			return value
		}
		if i+1 < len(args) {
			return args[i+1]
		}
	}
	return defaultConfigFile
}

// configFiles lists the file and its drop-ins, in the order they are read; the
// drop-ins need no base file.
func configFiles(path string) ([]string, error) {
	files := []string{}
	if _, err := os.Stat(path); err == nil {
		files = append(files, path)
	} else if !os.IsNotExist(err) {
		return nil, err
	}
	entries, err := os.ReadDir(path + ".d")
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	names := []string{}
	for _, entry := range entries {
		name := entry.Name()
		if !entry.IsDir() && (strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")) {
			names = append(names, filepath.Join(path+".d", name))
		}
	}
	sort.Strings(names)
	return append(files, names...), nil
}

// configArgs flattens the config files to command line arguments, as k3s does:
// a later file's key replaces an earlier one's, `key+` adds to it, a list
// becomes one argument for each item.
func configArgs(path string) ([]string, error) {
	files, err := configFiles(path)
	if err != nil {
		return nil, err
	}
	order := []string{}
	values := map[string]any{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		// A MapSlice keeps the order of the file; yaml.v2 because it is YAML
		// 1.1 that k3s reads: there an unquoted 0644 is 420.
		content := yaml.MapSlice{}
		if err := yaml.Unmarshal(data, &content); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, item := range content {
			key, isAppend := strings.CutSuffix(textOf(item.Key), "+")
			old, seen := values[key]
			if !seen {
				order = append(order, key)
			}
			if seen && isAppend {
				values[key] = append(listOf(old), listOf(item.Value)...)
			} else {
				values[key] = item.Value
			}
		}
	}
	args := []string{}
	for _, key := range order {
		prefix := "--"
		if len(key) == 1 {
			prefix = "-"
		}
		if list, isList := values[key].([]any); isList {
			for _, item := range list {
				args = append(args, prefix+key+"="+textOf(item))
			}
		} else {
			args = append(args, prefix+key+"="+textOf(values[key]))
		}
	}
	return args, nil
}

func textOf(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

func listOf(value any) []any {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		return append([]any{}, v...)
	default:
		return []any{v}
	}
}

// knownArgs drops the arguments that no flag is defined for; k3s warns about
// each and starts all the same.
func knownArgs(args []string, known func(name string) bool) []string {
	kept := []string{}
	for _, arg := range args {
		flagText, _, _ := strings.Cut(arg, "=")
		if known(strings.TrimLeft(flagText, "-")) {
			kept = append(kept, arg)
		} else {
			logs.Warnf("Unknown flag %s found in config.yaml, skipping\n", flagText)
		}
	}
	return kept
}
