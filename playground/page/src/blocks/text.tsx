import { emojify } from "node-emoji";
import type { TextObject } from "../types";
import { Library } from "./Library";

/** Slack's names for emoji that the Unicode short names do not know. */
const SLACK_NAMES: Record<string, string> = {
  hourglass: "⌛",
  information_source: "ℹ️",
  large_green_circle: "🟢",
  large_yellow_circle: "🟡",
  large_red_circle: "🔴",
  large_orange_circle: "🟠",
  large_blue_circle: "🔵",
  large_purple_circle: "🟣",
  white_small_square: "▫️",
  black_square_for_stop: "⏹️",
  double_vertical_bar: "⏸️",
  ladder: "🪜",
  money_with_wings: "💸",
  robot_face: "🤖",
  simple_smile: "🙂",
  thinking_face: "🤔",
  warning: "⚠️",
};

/** The character of a Slack emoji name, or the name in colons where nobody knows it. */
export function emoji(name: string): string {
  return SLACK_NAMES[name] ?? emojify(`:${name}:`);
}

/** Plain text with its emoji names drawn, as on buttons and labels. */
export function plain(text: TextObject | string | undefined): string {
  const raw = typeof text === "string" ? text : (text?.text ?? "");
  return raw.replace(/:([a-z0-9_+'-]+):/g, (_, name: string) => emoji(name));
}

export function Plain({ text }: { text: TextObject | string | undefined }) {
  return <>{plain(text)}</>;
}

/** A text object by itself: mrkdwn goes through the library. */
export function Rich({ text }: { text: TextObject | string }) {
  if (typeof text === "string" || text.type === "plain_text") return <p className="plain">{plain(text)}</p>;
  return <Library blocks={[{ type: "section", text }]} />;
}
