import type { Person } from "../types";

// Distinct hues that stay legible under a white letter in both themes.
const HUES: Record<string, string> = { alice: "#b4532a", bob: "#2f6db5", carol: "#7a4bb0", gina: "#2b8a5b", xavi: "#a8397a" };

/** A person as a coloured tile with an initial; the bot as Quartermaster's chip. */
export function Avatar({ person, bot, notice, size = 36 }: { person?: Person; bot?: boolean; notice?: boolean; size?: number }) {
  if (notice) {
    return (
      <span className="avatar notice-avatar" aria-hidden>
        !
      </span>
    );
  }
  if (bot) return <img className="avatar" src="/page/icon.svg" width={size} height={size} alt="" />;
  const name = person?.name ?? "?";
  return (
    <span className="avatar" style={{ width: size, height: size, fontSize: size * 0.48, background: HUES[name] ?? hue(name) }} aria-hidden>
      {name.slice(0, 1).toUpperCase()}
    </span>
  );
}

function hue(name: string): string {
  const sum = [...name].reduce((total, letter) => total + letter.charCodeAt(0) * 37, 0);
  return `hsl(${sum % 360} 45% 42%)`;
}
