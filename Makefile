# One command surface: `make help` says what each target does. Whatever it runs of pulumi, it prints first.
export STACK ?= $(or $(PULUMI_STACK),dev)

.PHONY: up stop start heal recover status traffic destroy env test test-vm help
.DEFAULT_GOAL := help

# npm writes this file last, so a killed installation is done again.
PACKAGES := node_modules/.package-lock.json
# In this process: the command of the same name starts another one, and takes a third longer.
TSX := node --require tsx/cjs

up stop start heal recover status traffic destroy env: $(PACKAGES)
	@exec $(TSX) cli/make.ts $@

test: $(PACKAGES)
	@exec $(TSX) test/run/main.ts

test-vm: $(PACKAGES)
	@exec $(TSX) test/vm/main.ts

# Nothing has to be installed for this.
help:
	@cat cli/usage.txt

$(PACKAGES): package-lock.json
	@sh cli/install-packages
