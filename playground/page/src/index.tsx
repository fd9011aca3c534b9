import { createRoot } from "react-dom/client";
import "slack-blocks-to-jsx/dist/style.css";
import { App } from "./App";
import "./styles/index.css";

createRoot(document.getElementById("root")!).render(<App />);
