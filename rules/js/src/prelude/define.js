// put replaces or adds a property the way the language itself defines its own: writable,
// configurable, not enumerable.
export const put = (object, name, value) => {
  Object.defineProperty(object, name, { value, writable: true, configurable: true, enumerable: false });
};

// supply adds a property only where it is missing.
export const supply = (object, name, value) => {
  if (!(name in object)) put(object, name, value);
};
