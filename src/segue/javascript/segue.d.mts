// TypeScript looks for this name beside segue.mjs.
export * from "./segue.js";
