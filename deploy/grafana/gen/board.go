package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
)

// board is one dashboard. Its uid is avni-messenger-<name>, and stays: links and
// bookmarks hang on it.
type board struct {
	name         string
	title        string
	description  string
	organisation bool // whether it can be narrowed to organisations
	rows         []row
}

// row is a headline and its panels, from left to right; they wrap at 24 columns.
type row struct {
	title  string
	panels []panel
}

const columns = 24

// before is the time before the one that is looked at: so far before that nothing is
// missed between two looks, and so long that a short absence makes nothing new.
const before = `[10m] offset $__rate_interval`

var (
	source = common.DataSourceRef{Type: cog.ToPtr("prometheus"), Uid: cog.ToPtr("$datasource")}
	all    = dashboard.VariableOption{Selected: cog.ToPtr(true),
		Text: dashboard.StringOrArrayOfString{String: cog.ToPtr("All")}, Value: dashboard.StringOrArrayOfString{String: cog.ToPtr("$__all")}}
)

func (b board) build() (dashboard.Dashboard, error) {
	d := dashboard.NewDashboardBuilder(b.title).Uid("avni-messenger-"+b.name).Description(b.description).
		Tags([]string{"avni-messenger"}).Readonly().Time("now-24h", "now").Refresh("1m").Timezone("browser").
		Tooltip(dashboard.DashboardCursorSyncCrosshair).
		Link(dashboard.NewDashboardLinkBuilder("avni-messenger").Type(dashboard.DashboardLinkTypeDashboards).
			Tags([]string{"avni-messenger"}).AsDropdown(true).IncludeVars(true).KeepTime(true)).
		Annotation(annotation("Restarts", "orange", "A process was started anew.",
			`process_start_time_seconds{} > max_over_time(process_start_time_seconds{}`+before+`)`, "{{instance}} was restarted")).
		Annotation(annotation("Releases", "blue", "A version runs that did not run before.",
			`count by (version, revision) (messenger_build_info{}) unless count by (version, revision) (max_over_time(messenger_build_info{}`+before+`))`, "version {{version}} ({{revision}})")).
		WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").Label("Data source").Type("prometheus")).
		WithVariable(choice("job", "Job", "label_values(messenger_build_info, job)")).
		WithVariable(choice("instance", "Instance", `label_values(messenger_build_info{job=~"$job"}, instance)`))
	if b.organisation {
		d.WithVariable(choice("organisation", "Organisation", `label_values(messenger_organisation_mode{job=~"$job"}, organisation)`).
			AllValue(".*")) // also of those that leave the label out: MESSENGER_METRICS_ORGANISATIONS=off
	}
	y, id := uint32(0), uint32(1)
	for _, r := range b.rows {
		d.WithRow(dashboard.NewRowBuilder(r.title).Id(id).GridPos(dashboard.GridPos{X: 0, Y: y, W: columns, H: 1}))
		y, id = y+1, id+1
		x, height := uint32(0), uint32(0)
		for _, p := range r.panels {
			if x+p.width > columns {
				x, y = 0, y+height
			}
			d.WithPanel(p.builder(id, dashboard.GridPos{X: x, Y: y, W: p.width, H: p.height()}))
			x, id, height = x+p.width, id+1, p.height()
		}
		if x != columns {
			return dashboard.Dashboard{}, fmt.Errorf("the last line of row %q is %d columns wide, not %d", r.title, x, columns)
		}
		y += height
	}
	return d.Build()
}

func choice(name, label, query string) *dashboard.QueryVariableBuilder {
	return dashboard.NewQueryVariableBuilder(name).Label(label).Datasource(source).Query(dashboard.StringOrMap{String: &query}).
		Multi(true).IncludeAll(true).AllValue(".+").Current(all).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).Sort(dashboard.VariableSortAlphabeticalAsc)
}

func annotation(name, colour, title, expr, text string) *dashboard.AnnotationQueryBuilder {
	return dashboard.NewAnnotationQueryBuilder().Name(name).Datasource(source).Enable(true).IconColor(colour).
		Expr(expand(expr)).TitleFormat(title).TextFormat(text).
		Target(prometheus.NewDataqueryBuilder().Expr(expand(expr)).LegendFormat(text).RefId("Anno"))
}
