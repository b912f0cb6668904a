package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestCompileFailures(t *testing.T) {
	for _, test := range []struct{ name, script, want string }{
		{"unbalanced", "({params}) => ({\n  parameters: [1\n});", `SyntaxError: Expected "]" but found "}" (line 3, column 1)`},
		{"not JavaScript", "if this then that", `SyntaxError: Expected "(" but found "this" (line 1, column 4)`},
		{"strict", "() => {\n  with (Math) {}\n}", "SyntaxError: "},
		{"octal", "() => 017", "SyntaxError: "},
		{"return at the top", "return () => 1", `SyntaxError: `},
		{"out of the wrapper", "1 })(); (function(){ 2", "SyntaxError: "},
		{"too long", "() => '" + strings.Repeat("x", maxRuleBytes) + "'", "the rule is 65544 bytes long; at most 65536 are allowed"},
		{"big integer", "() => 2n ** 100000000n", "SyntaxError: big integers such as 2n are not available"},
		{"character class", `() => /^\p{Emoji}+$/u.test('x')`, `SyntaxError: \p{Emoji} in regular expressions is not available`},
		{"script", `() => /^\p{Script=Klingon}+$/u.test('x')`, `SyntaxError: \p{Script=Klingon} in regular expressions is not available`},
		{"import", "import fs from 'fs'; () => fs", "SyntaxError: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			failure := compileRule(test.script).failure
			if failure == nil || failure.Kind != FailedCompile {
				t.Fatalf("failure is %v", failure)
			}
			if !strings.HasPrefix(failure.Message, test.want) {
				t.Errorf("message is %q, want it to start with %q", failure.Message, test.want)
			}
		})
	}
}

// TestCompileNested checks that text nested as deeply as can be is soon refused, and ends
// no process.
func TestCompileNested(t *testing.T) {
	for _, unit := range []string{"[", "(", "{", "a=>", "!", "-", "`${", "a?", "if(a)", "x=>{", "a=>(", "new "} {
		start := time.Now()
		if compileRule(strings.Repeat(unit, maxRuleBytes/len(unit))).failure == nil {
			t.Errorf("%s… compiled", unit)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%s… took %v", unit, took)
		}
	}
	deep := strings.Repeat("(", maxNesting-1) + "() => 1" + strings.Repeat(")", maxNesting-1)
	if failure := compileRule(deep).failure; failure != nil {
		t.Errorf("%d brackets: %v", maxNesting-1, failure)
	}
}

// TestCompileKeepsLines checks that the usual arrow functions do not make goja get another text
// than the author wrote.
func TestCompileKeepsLines(t *testing.T) {
	for code, tangled := range map[string]bool{
		strings.Repeat("list.map((x, i) => x)", 9):                           false,
		strings.Repeat("x => y => z;", 9):                                    false,
		strings.Repeat("({params, imports: {moment}}) => 1;", 9):             false,
		strings.Repeat("async (\n  a,\n  b = {},\n) => f(() => 1);", 9):      false,
		strings.Repeat("(a = 'x') => 1;", maxElaborate):                      false,
		strings.Repeat("(a = 'x') => 1;", maxElaborate+1):                    true,
		strings.Repeat("(a=", 9) + "1" + strings.Repeat(")=>1", 9):           true,
		strings.Repeat("(a=", 9) + "1" + strings.Repeat("//(\n)=>1", 9):      true,
		strings.Repeat("(a=", 9) + "1" + strings.Repeat("//(\rb)=>1", 9):     true,
		strings.Repeat("(a=", 9) + "1" + strings.Repeat(")/**/=>1", 9):       true,
		strings.Repeat("(a=", 9) + "1" + strings.Repeat(")//x\n=>1", 9):      true,
		strings.Repeat("(a=", 9) + "1" + strings.Repeat(",b=\"(\",c)=>1", 9): true,
	} {
		if got := isTangled(code); got != tangled {
			t.Errorf("%.60q is tangled: %v", code, got)
		}
	}
}

func TestSpellClasses(t *testing.T) {
	for pattern, want := range map[string]string{
		`a`:                    `a`,
		`\p{White_Space}`:      `[\x09-\x0d\x20\u0085\u00a0\u1680\u2000-\u200a\u2028-\u2029\u202f\u205f\u3000]`,
		`[\]\p{ASCII}-]\p{Zs}`: `[\]\x00-\x7f-][\x20\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]`,
		`\\p{L}`:               `\\p{L}`,
		`\P{Any}`:              `[]`,
	} {
		got, err := spellClasses(pattern, "u")
		if quoted := escapeNonASCII(got); err != nil || quoted != want {
			t.Errorf("%s becomes %s, %v; want %s", pattern, quoted, err, want)
		}
	}
	if got, err := spellClasses(`\p{L}`, "gi"); err != nil || got != `\p{L}` {
		t.Errorf("without the flag u: %s, %v", got, err)
	}
	for _, name := range []string{"Letter", "Lu", "gc=Nd", "General_Category=Punctuation", "sc=Deva", "Script=Devanagari", "Alphabetic"} {
		for _, letter := range []string{"p", "P"} {
			if _, err := spellClasses(`\`+letter+`{`+name+`}`, "u"); err != nil {
				t.Error(err)
			}
		}
	}
}

func escapeNonASCII(text string) string {
	var out strings.Builder
	for _, c := range text {
		if c < 0x80 {
			out.WriteRune(c)
		} else {
			fmt.Fprintf(&out, `\u%04x`, c)
		}
	}
	return out.String()
}

func TestCompileCacheIsBounded(t *testing.T) {
	var cache ruleCache
	for i := range maxCompiled + 10 {
		cache.compile(strings.Repeat(";", i%200) + "() => " + strings.Repeat("1", 1+i/200))
	}
	if n := len(cache.rules); n > maxCompiled {
		t.Errorf("%d rules are kept, want at most %d", n, maxCompiled)
	}
}
