import "@mantine/core/styles.css";
import "./theme/tokens.css";
import "./theme/base.css";
import "./theme/parts.css";
import "./theme/shell.css";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./App";

const root = document.getElementById("root");
if (root === null) throw new Error("the page has no root element");
createRoot(root).render(<StrictMode><App /></StrictMode>);
