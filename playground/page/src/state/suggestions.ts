import { STORY } from "../story";
import type { Message, Workspace } from "../types";
import { shownName } from "./session";
import { BUILT_IN } from "./deliver";

export interface Suggestion {
  /** What the composer holds once it is picked. */
  text: string;
  label: string;
  note?: string;
}

const LIMIT = 7;

/** The alternatives of a usage hint: split at each | that stands in no bracket. */
export function alternatives(hint: string): string[] {
  const parts = [""];
  let depth = 0;
  for (const letter of hint) {
    if ("[(<{".includes(letter)) depth += 1;
    if ("])>}".includes(letter)) depth -= 1;
    if (letter === "|" && depth === 0) parts.push("");
    else parts[parts.length - 1] += letter;
  }
  return parts.map((part) => part.trim()).filter(Boolean);
}

/** Commands that the app has written into the channel as code: its help teaches the composer. */
export function taught(messages: Message[] | undefined, command: string): string[] {
  const pattern = new RegExp(`\`(${command} [^\`\\\\]{2,120})\``, "g");
  const found = (messages ?? []).flatMap((message) =>
    [...JSON.stringify([message.text, message.blocks]).matchAll(pattern)].map((match) => match[1]!),
  );
  return [...new Set(found)].reverse();
}

/** What fits the text before the caret: commands, whole command lines, or people. */
export function suggestions(
  text: string,
  caret: number,
  workspace: Workspace,
  sent: string[],
  lessons: string[],
  inThread: boolean,
): Suggestion[] {
  const before = text.slice(0, caret);
  const handle = /(^|\s)@([\w.-]*)$/.exec(before);
  if (handle) return people(text, caret, handle[2]!, workspace);
  if (!before.startsWith("/") || inThread || before.includes("\n")) return [];
  if (!before.includes(" ")) {
    return [...workspace.commands, ...BUILT_IN]
      .filter((one) => one.command.startsWith(before))
      .map((one) => ({ text: `${one.command} `, label: one.command, note: one.description }));
  }
  const command = workspace.commands.find((one) => before.startsWith(`${one.command} `));
  if (!command) {
    const own = BUILT_IN.find((one) => before.startsWith(`${one.command} `));
    return own ? [{ text: `${own.command} ${own.usage_hint}`, label: `${own.command} ${own.usage_hint}`, note: own.description }] : [];
  }
  const hinted = alternatives(command.usage_hint ?? "").map((part) => `${command.command} ${part}`);
  const told = STORY.map((step) => step.command).filter((line) => line.startsWith(`${command.command} `));
  const typed = text.toLowerCase().trimEnd();
  return [...new Set([...sent, ...hinted, ...told, ...lessons])]
    .filter((line) => line.toLowerCase().startsWith(typed) && line !== text)
    .slice(0, LIMIT)
    .map((line) => ({ text: line.replace(/\s*(…|\.\.\.).*$/, " "), label: line }));
}

function people(text: string, caret: number, typed: string, workspace: Workspace): Suggestion[] {
  const start = caret - typed.length - 1;
  return [...workspace.users]
    .sort((a, b) => Number(b.id === workspace.bot.user_id) - Number(a.id === workspace.bot.user_id))
    .filter((user) => user.name.toLowerCase().startsWith(typed.toLowerCase()))
    .slice(0, LIMIT)
    .map((user) => ({
      text: `${text.slice(0, start)}@${user.name} ${text.slice(caret).trimStart()}`,
      label: `@${user.name}`,
      note: user.id === workspace.bot.user_id ? "app" : shownName(user),
    }));
}
