# One command surface. Everything below is an ordinary pulumi command that is printed before it runs;
# `make help` lists them.
export STACK ?= $(or $(PULUMI_STACK),dev)

.PHONY: up stop start heal recover status traffic destroy env test test-vm help
.DEFAULT_GOAL := help

# npm writes this file last, so a killed installation is done again.
PACKAGES := node_modules/.package-lock.json
# In this process: the command of the same name starts another one, and takes a third longer.
TSX := node --require tsx/cjs

up stop start heal recover status traffic destroy env help: $(PACKAGES)
	@exec $(TSX) cli/make.ts $@

test: $(PACKAGES)
	@exec $(TSX) test/run/main.ts

test-vm: $(PACKAGES)
	@exec $(TSX) test/vm/main.ts

$(PACKAGES): package-lock.json
	@sh cli/install-packages
