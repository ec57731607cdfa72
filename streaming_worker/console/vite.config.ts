import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

import lock from "./package-lock.json" with { type: "json" };

interface Locked {
  version: string;
  license?: string;
  dev?: boolean;
  devOptional?: boolean;
}

/** What is built into the page, with its licence: the lock file names both. */
function packages(): { name: string; version: string; licence: string }[] {
  return Object.entries(lock.packages as Record<string, Locked>)
    .filter(([path, locked]) => path !== "" && locked.dev !== true && locked.devOptional !== true)
    .map(([path, locked]) => ({ name: path.split("node_modules/").at(-1) ?? path, version: locked.version, licence: locked.license ?? "not stated" }));
}

// Everything is a file of its own: the console's content security policy forbids inline scripts, styles and data URLs.
export default defineConfig({
  plugins: [react()],
  define: { PACKAGES: JSON.stringify(packages()) },
  build: {
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    target: "es2023",
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "react", test: /node_modules[\\/](react|react-dom|scheduler|react-router)[\\/]/ },
            { name: "parts", test: /node_modules[\\/]/ },
          ],
        },
      },
    },
  },
  server: { proxy: { "/api": { target: "http://127.0.0.1:8080", ws: true } } },
});
