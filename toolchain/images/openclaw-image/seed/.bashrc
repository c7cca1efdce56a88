# A shell in the sandbox.
PS1='\u@\h:\w\$ '
alias ll='ls -l'
