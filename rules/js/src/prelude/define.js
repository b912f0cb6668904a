// like gives a function the name and the number of parameters of the one in whose place it is
// put: currying looks at them.
export const like = (made, original) => {
  ['name', 'length'].forEach((name) => Object.defineProperty(made, name, { value: original[name], writable: false, configurable: true, enumerable: false }));
  return made;
};

// put replaces or adds a property the way the language itself defines its own: writable,
// configurable, not enumerable.
export const put = (object, name, value) => {
  const original = Object.getOwnPropertyDescriptor(object, name);
  if (typeof value === 'function' && original && typeof original.value === 'function') like(value, original.value);
  Object.defineProperty(object, name, { value, writable: true, configurable: true, enumerable: false });
};

// supply adds a property only where it is missing.
export const supply = (object, name, value) => {
  if (!(name in object)) put(object, name, value);
};
