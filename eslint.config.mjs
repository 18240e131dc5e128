// How the browser's code is checked; prettier decides how it is written (package.json: npm run lint).

import js from "@eslint/js";
import globals from "globals";

const OURS = {
  "max-len": ["error", { code: 120, ignoreUrls: true }], // comments, too: prettier leaves them alone
  "max-lines": ["error", 300],
  complexity: ["error", 12],
  eqeqeq: ["error", "always", { null: "ignore" }],
  "no-var": "error",
  "prefer-const": ["error", { destructuring: "all" }],
};

export default [
  js.configs.recommended,
  { rules: OURS, linterOptions: { reportUnusedDisableDirectives: "error" } },
  // static/js/logic has no globals but the language's own: it knows no page.
  { files: ["static/js/*.js"], languageOptions: { globals: globals.browser } },
  { files: ["static/js/first-view.js"], languageOptions: { sourceType: "script" } },
  { files: ["**/*.mjs"], languageOptions: { globals: globals.node } },
];
