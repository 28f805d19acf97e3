/** Starts the inbox in the page. */
import "./style/tokens.css";
import "./style/base.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { takeCsrfFromAddress } from "./api/csrf-token.ts";
import { App } from "./app/app.tsx";
import { applyTheme, readTheme } from "./app/theme.ts";

takeCsrfFromAddress();
applyTheme(readTheme());
const place = document.getElementById("app");
if (place !== null) {
  createRoot(place).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
