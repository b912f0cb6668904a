// The libraries that are not ES modules. They are not imported as such, because what esbuild
// makes of that is an object with a getter for each of their members, in every file.
export const lodash = require('lodash');
export const moment = require('moment');
