package schema

// MigrateTo is Migrate that stops after a version.
var MigrateTo = migrate
