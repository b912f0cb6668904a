package metrics

import (
	"html/template"
	"net/http"
	"time"
)

// page is /health for a person. It is for everybody who reaches the listener, names nobody,
// and loads nothing but itself.
var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="30">
<title>{{.Status}} – avni-messenger</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; color: #1f2933; background: #fff; }
h1 { margin-bottom: 0; }
h1 a { color: inherit; text-decoration: none; }
.build { margin-top: 0; color: #52606d; }
.summary { padding: .6rem 1rem; border-left: .4rem solid; border-radius: .2rem; font-weight: bold; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .5rem 1rem .5rem 0; border-bottom: 1px solid #d9e2ec; overflow-wrap: anywhere; }
th { font-weight: 600; }
td:first-child, td:nth-child(2) { overflow-wrap: normal; }
.state { display: inline-block; min-width: 4rem; padding: 0 .6rem; border-radius: 1rem; text-align: center; }
.ok { color: #0b6e4f; background: #e3f6ee; }
.warning { color: #7a4b00; background: #fff1cc; }
.failing { color: #a61b1b; background: #fde3e3; }
.fix { margin: .2rem 0 0; font-weight: 600; }
</style>
</head>
<body>
<h1><a href="/">avni-messenger</a></h1>
<p class="build">Version {{.Version}}</p>
<p class="summary {{.Status}}">{{.Summary}}</p>
<table>
<tr><th scope="col">Part</th><th scope="col">State</th><th scope="col">Details</th></tr>
{{range .Checks}}<tr><td>{{.Name}}</td><td><span class="state {{.Status}}">{{.Status}}</span></td><td>{{.Detail}}{{if .Fix}}<p class="fix">→ {{.Fix}}</p>{{end}}</td></tr>
{{end}}</table>
<p>As of {{.At}} ({{.Zone}}); this page loads itself again every 30 s.
The same for programs: <a href="/health">/health</a> (JSON), <a href="/metrics">/metrics</a> (Prometheus), <a href="/ping">/ping</a>.</p>
</body>
</html>
`))

// summaries word the worst status of all checks.
var summaries = map[Status]string{
	OK:      "All is well.",
	Warning: "It works, but something needs to be looked at.",
	Failing: "It does not work at the moment. What waits goes on by itself once the cause is gone.",
}

func writePage(w http.ResponseWriter, health Health) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	header.Set("X-Content-Type-Options", "nosniff")
	_ = page.Execute(w, struct { // fails only if the client has gone
		Health
		Summary, At, Zone string
	}{health, summaries[health.Status], time.Now().Format("2006-01-02 15:04:05 -07:00"), time.Local.String()})
}
