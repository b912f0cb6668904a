package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// A patch lets src/faster at what a library keeps to itself.
type patch struct{ file, old, new string }

var patches = []patch{{
	file: "moment/moment.js",
	old:  "setHookCallback(createLocal);",
	new: "setHookCallback(createLocal); hooks.setHookCallback = setHookCallback; hooks.createLocal = createLocal;" +
		"var requireLocale; hooks.setLocaleLoader = function (load) { requireLocale = load; };",
}, {
	// A locale's file is found by its name, which a bundle cannot do (src/locale.js).
	file: "moment/moment.js",
	old:  "aliasedRequire = require;",
	new:  "aliasedRequire = requireLocale;",
}, {
	// What is assigned to a frozen object must not be dropped silently.
	file: "lodash/lodash.js",
	old:  ";(function() {\n",
	new:  ";(function() { 'use strict';\n",
}}

// The bundle keeps a list of the CommonJS modules that it has loaded, for src/freeze.js, which is
// told when one that nothing else waits for has been loaded.
var records = []patch{
	{file: "the bundle", old: "(()=>{var __create=", new: "(()=>{var __loaded=[],__loading=0,__late=()=>{};var __create="},
	{
		file: "the bundle",
		old:  "try{return mod||(0,cb[__getOwnPropNames(cb)[0]])((mod={exports:{}}).exports,mod),mod.exports}catch(e){throw mod=0,e}",
		new: "if(mod)return mod.exports;__loading++;try{(0,cb[__getOwnPropNames(cb)[0]])((__loaded.push(mod={exports:{}}),mod.exports),mod)}" +
			"catch(e){throw mod=0,e}finally{__loading--}__loading||__late();return mod.exports",
	},
}

// apply makes the patch to the code of its file. That its text is not there once is an
// error: the library has changed.
func (p patch) apply(code string) (string, error) {
	if n := strings.Count(code, p.old); n != 1 {
		return "", fmt.Errorf("%s has %q %d times, not once", p.file, p.old, n)
	}
	return strings.Replace(code, p.old, p.new, 1), nil
}

func recorded(code string) (_ []byte, err error) {
	for _, p := range records {
		if code, err = p.apply(code); err != nil {
			return nil, err
		}
	}
	return []byte(code), nil
}

// patched makes the patches to the libraries while they are bundled.
func patched(build api.PluginBuild) {
	build.OnLoad(api.OnLoadOptions{Filter: `[/\\](moment[/\\]moment|lodash[/\\]lodash)\.js$`}, func(args api.OnLoadArgs) (api.OnLoadResult, error) {
		content, err := os.ReadFile(args.Path)
		if err != nil {
			return api.OnLoadResult{}, err
		}
		code := string(content)
		for _, p := range patches {
			if !strings.HasSuffix(filepath.ToSlash(args.Path), p.file) {
				continue
			}
			if code, err = p.apply(code); err != nil {
				return api.OnLoadResult{}, err
			}
		}
		return api.OnLoadResult{Contents: &code, Loader: api.LoaderJS}, nil
	})
}
