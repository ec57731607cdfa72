import js from "@eslint/js";
import hooks from "eslint-plugin-react-hooks";
import ts from "typescript-eslint";

export default ts.config(
  { ignores: ["dist", "node_modules", "src/api/schema.d.ts"] },
  js.configs.recommended,
  ...ts.configs.strict,
  hooks.configs.flat["recommended-latest"],
  {
    rules: {
      complexity: ["error", 18],
      "max-lines": ["error", 400],
      "no-restricted-globals": [
        "error",
        { name: "localStorage", message: "nothing of a user stays in the browser" },
        { name: "sessionStorage", message: "nothing of a user stays in the browser" },
      ],
      "no-restricted-properties": ["error", { property: "dangerouslySetInnerHTML", message: "text is text" }],
      "no-eval": "error",
    },
  },
);
