package avnitest

import (
	"context"
	"fmt"
)

// AlwaysActive makes all organisations and rules active since ever, whenever they are
// noted as such: for tests of what becomes of the sample's rows, which are older than the
// test. Messenger's own role must run it.
func (db *DB) AlwaysActive(ctx context.Context) error {
	_, err := db.Pool().Exec(ctx, `
		create function messenger.always_active() returns trigger language plpgsql as
			$$ begin new.active_from := 'epoch'; return new; end $$;
		create trigger always_active before insert or update on messenger.activation
			for each row execute function messenger.always_active();
		update messenger.activation set active_from = active_from`)
	if err != nil {
		return fmt.Errorf("make all organisations active since ever: %w", err)
	}
	return nil
}
