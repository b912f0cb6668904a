package rules

import (
	"crypto/sha256"
	"sync"
)

// maxCompiled is how many rules are kept compiled. A rule is compiled in well under a
// millisecond, so that the cache may simply be emptied when it is full.
const maxCompiled = 4096

// A ruleCache keeps compiled rules by the hash of their text, mistakes included.
type ruleCache struct {
	mu    sync.RWMutex
	rules map[[sha256.Size]byte]compiledRule
}

func (c *ruleCache) compile(script string) compiledRule {
	key := sha256.Sum256([]byte(script))
	c.mu.RLock()
	rule, ok := c.rules[key]
	c.mu.RUnlock()
	if ok {
		return rule
	}
	rule = compileRule(script)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.rules) >= maxCompiled || c.rules == nil {
		c.rules = map[[sha256.Size]byte]compiledRule{}
	}
	c.rules[key] = rule
	return rule
}
