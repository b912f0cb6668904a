package cdc

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// fingerprintSQL returns a query for a number that tells whether the publication may
// have missed a change since the number was last seen: it is another one once the
// publication was made anew, once what it publishes was altered, and once one of our
// tables left it or came back. Tables that do not belong in it do not count. Rows of
// PostgreSQL's catalogue are told apart by their oid and by the transaction that wrote
// them, which freezing does not change. It has no row if there is no publication.
func fingerprintSQL(names Names) string {
	return `select hashtextextended(p.oid || ' ' || p.xmin || coalesce((
			select string_agg(' ' || r.oid || ' ' || r.xmin, '' order by r.oid)
			from pg_publication_rel r join pg_class c on c.oid = r.prrelid
			where r.prpubid = p.oid and c.relnamespace = to_regnamespace(` + literal(avniSchema) + `)
			  and c.relname in ('` + strings.Join(tableNames(), "', '") + `')), ''), 0)
		from pg_publication p where p.pubname = ` + literal(names.Publication)
}

// fingerprint returns that number, 0 if there is no publication.
func fingerprint(ctx context.Context, db Querier, names Names) (int64, error) {
	var n int64
	if err := db.QueryRow(ctx, `select coalesce((`+fingerprintSQL(names)+`), 0)`).Scan(&n); err != nil {
		return 0, fmt.Errorf("read fingerprint of publication %q: %w", names.Publication, err)
	}
	return n, nil
}

// readFingerprints reads the publication's together with the one that the position
// belongs to. Both change in one transaction when it is us who alter the publication.
func (in *Inspection) readFingerprints(ctx context.Context, db Querier, names Names) error {
	if !in.Position.Exists {
		return db.QueryRow(ctx, `select coalesce((`+fingerprintSQL(names)+`), 0)`).Scan(&in.Publication.Fingerprint)
	}
	return db.QueryRow(ctx, `
		select coalesce((`+fingerprintSQL(names)+`), 0), coalesce((select (to_jsonb(p) ->> 'fingerprint')::bigint from messenger.position p where slot = $1), 0)`,
		names.Slot).Scan(&in.Publication.Fingerprint, &in.Position.Fingerprint)
}

// altered says that the publication is not the one any more that the position belongs
// to: it may have missed changes since.
func (in Inspection) altered() bool {
	return in.Position.Fingerprint != 0 && in.Position.Fingerprint != in.Publication.Fingerprint
}

// keepFingerprint notes, in the transaction that alters the publication, that it misses
// nothing by that. A position whose publication was another one before stays as it is.
func keepFingerprint(ctx context.Context, tx pgx.Tx, names Names, before int64) error {
	var stored bool
	if err := tx.QueryRow(ctx, `select to_regclass('messenger.position') is not null`).Scan(&stored); err != nil || !stored {
		return err
	}
	_, err := tx.Exec(ctx, `update messenger.position set fingerprint = (`+fingerprintSQL(names)+`) where fingerprint = $1`, before)
	if err != nil {
		return fmt.Errorf("note that publication %q was altered: %w", names.Publication, err)
	}
	return nil
}
