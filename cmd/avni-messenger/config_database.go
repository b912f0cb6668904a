package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Database is where Avni's Postgres is. MESSENGER_DATABASE_URL wins; otherwise it is
// made of the variables that avni-server has.
type Database struct {
	URL      string `env:"MESSENGER_DATABASE_URL"`
	Host     string `env:"OPENCHS_DATABASE_HOST" envDefault:"localhost"`
	Port     string `env:"OPENCHS_DATABASE_PORT" envDefault:"5432"`
	User     string `env:"OPENCHS_DATABASE_USER" envDefault:"openchs"`
	Password string `env:"OPENCHS_DATABASE_PASSWORD"`
	Name     string `env:"OPENCHS_DATABASE" envDefault:"openchs"`

	assumed bool // nothing of it is set
}

// nothingSet says whether the environment names no database.
func nothingSet(variables map[string]string) bool {
	names := make(map[string]string)
	collectVariables(reflect.TypeFor[Database](), names)
	for _, name := range names {
		if variables[name] != "" {
			return false
		}
	}
	return true
}

// advise puts before the advice on a connection that fails what is most likely if nothing is set.
func (d Database) advise(fix string) string {
	if !d.assumed {
		return fix
	}
	return "No MESSENGER_DATABASE_URL or OPENCHS_DATABASE_… is set, so these are the defaults: give the command the environment of the service. " + fix
}

// ConnectionURL returns the libpq URL to connect with. It holds the password: it is
// for pgx only.
func (d Database) ConnectionURL() string {
	if d.URL != "" {
		return d.URL
	}
	u := url.URL{Scheme: "postgres", User: url.User(d.User), Path: "/" + d.Name}
	if d.Password != "" {
		u.User = url.UserPassword(d.User, d.Password)
	}
	if strings.HasPrefix(d.Host, "/") { // a socket's directory has no place in a URL's host
		u.RawQuery = url.Values{"host": {d.Host}, "port": {d.Port}}.Encode()
	} else {
		u.Host = net.JoinHostPort(d.Host, d.Port)
	}
	return u.String()
}

// Redacted describes the database without the password.
func (d Database) Redacted() string {
	config, err := pgconn.ParseConfig(d.ConnectionURL())
	if err != nil {
		return "unusable"
	}
	return fmt.Sprintf("%s@%s/%s", config.User, net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port))), config.Database)
}

func (d Database) problems() []problem {
	variable, want := "MESSENGER_DATABASE_URL", "it must be a libpq URL such as postgres://avni_messenger:…@host:5432/openchs"
	switch {
	case d.URL == "":
		variable, want = "OPENCHS_DATABASE_*", "look for a letter that cannot be part of a host, user or database name"
		if port, err := strconv.Atoi(d.Port); err != nil || port < 1 || port > 65535 {
			return []problem{{"OPENCHS_DATABASE_PORT", fmt.Sprintf("is %q; it must be a port number from 1 to 65535", d.Port)}}
		}
	case strings.HasPrefix(d.URL, "jdbc:"):
		return []problem{{variable, "is a JDBC address; " + want}}
	case !strings.HasPrefix(d.URL, "postgres://") && !strings.HasPrefix(d.URL, "postgresql://"):
		return []problem{{variable, fmt.Sprintf("is a text of %d characters that does not begin with postgres://; %s", len(d.URL), want)}}
	}
	if manySigns(d.URL) { // pgx would take the end of the password for the host, and show it
		return []problem{{variable, "holds more than one @ before its parameters; " + want + ". " + writtenAs}}
	}
	_, err := pgconn.ParseConfig(d.ConnectionURL())
	if err == nil {
		return nil
	}
	// Nothing of the URL is quoted: where it cannot be parsed, the password cannot be told apart.
	var file *fs.PathError
	if errors.As(err, &file) {
		return []problem{{variable, "names a file that cannot be used: " + file.Error()}}
	}
	return []problem{{variable, fmt.Sprintf("is a text of %d characters that cannot be understood; %s. %s", len(d.ConnectionURL()), want, writtenAs)}}
}

const writtenAs = "Special characters in a password are written as %40 for @, %2F for /, %3A for :, %25 for %"

// manySigns is true of a URL in which something else than the end of the password is an @.
func manySigns(databaseURL string) bool {
	place, _, _ := strings.Cut(databaseURL, "?")
	return strings.Count(place, "@") > 1
}
