import { useCallback, useEffect, useState } from "react";

export type Choice = "auto" | "light" | "dark";
const KEY = "quartermaster.theme";

function stored(): Choice {
  const value = localStorage.getItem(KEY);
  return value === "light" || value === "dark" ? value : "auto";
}

/** The theme in force, the choice behind it, and a function that turns to the other one (back to auto if that agrees with the system). */
export function useTheme(): { theme: "light" | "dark"; choice: Choice; toggle: () => void } {
  const [choice, setChoice] = useState(stored);
  const [system, setSystem] = useState(() => matchMedia("(prefers-color-scheme: dark)").matches);
  useEffect(() => {
    const query = matchMedia("(prefers-color-scheme: dark)");
    const changed = (event: MediaQueryListEvent) => setSystem(event.matches);
    query.addEventListener("change", changed);
    return () => query.removeEventListener("change", changed);
  }, []);
  const theme = choice === "auto" ? (system ? "dark" : "light") : choice;
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
  }, [theme]);
  const toggle = useCallback(() => {
    const other = theme === "dark" ? "light" : "dark";
    const next: Choice = (other === "dark") === system ? "auto" : other;
    localStorage.setItem(KEY, next);
    setChoice(next);
  }, [theme, system]);
  return { theme, choice, toggle };
}
