package cdc

import "fmt"

// defaultName is what slot, publication and role are called unless somebody chose
// another name.
const defaultName = "avni_messenger"

// runSetup is the advice to set up, and how.
const runSetup = "run `avni-messenger setup` with the environment of `avni-messenger run`"

// SetupCommand is the command line that prints what a DBA has to run for avni-messenger
// to work as that role. It can be pasted into a shell as it is.
func SetupCommand(role string, names Names) string {
	command := "avni-messenger setup --print"
	if role != "" && role != defaultName {
		command += " --role " + role
	}
	if names.Publication != defaultName {
		command = "MESSENGER_PUBLICATION=" + names.Publication + " " + command
	}
	if names.Slot != defaultName {
		command = "MESSENGER_SLOT=" + names.Slot + " " + command
	}
	return command
}

// SetupAdvice says who has to run what SetupCommand prints, and where.
func SetupAdvice(role string, names Names) string {
	return fmt.Sprintf("let a superuser (Amazon RDS: the master user) run with psql, in Avni's database, what `%s` prints", SetupCommand(role, names))
}
