// What Go gives to this bundle (rules/runtime_host.go). It is taken off the global object
// at once, so that no rule can reach it.
const host = globalThis.__host;
delete globalThis.__host;

export default host;
