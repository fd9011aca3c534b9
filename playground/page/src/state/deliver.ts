// What becomes of a line typed into a composer: a command, a mention, or a message.

import { api } from "../api";
import type { Channel, Person, Workspace } from "../types";

export interface Draft {
  text: string;
  files: { name: string; content: string }[];
}

interface Place {
  workspace: Workspace;
  me: Person;
  channel: Channel;
  thread: string | null;
}

/** The client's own commands; a real workspace has them too. */
export const BUILT_IN = [
  { command: "/invite", description: "Add the app to this channel", usage_hint: "@quartermaster" },
  { command: "/remove", description: "Take the app out of this channel", usage_hint: "@quartermaster" },
];

/** Failures that arrive by themselves, as a message that only this person sees. */
const TOLD_BY_THE_WORKSPACE = new Set(["operation_timeout", "dispatch_failed", "invalid_command_response", "unknown_command"]);

/** Sends a draft. Answers null, or what to tell the person who typed it. */
export async function deliver(draft: Draft, place: Place): Promise<string | null> {
  const text = draft.text.trim();
  if (text.startsWith("/") && draft.files.length === 0) return command(text, place);
  const { workspace, me, channel, thread } = place;
  const named = linked(text, workspace.users);
  const bot = `<@${workspace.bot.user_id}>`;
  const answer =
    named.includes(bot) && draft.files.length === 0
      ? await api.mention(me.id, channel.id, thread, named.replace(bot, "").trim())
      : await api.message(me.id, channel.id, thread, named, draft.files);
  return answer.ok ? null : `Your message was not sent: ${answer.error}`;
}

async function command(text: string, { workspace, me, channel, thread }: Place): Promise<string | null> {
  const [, name = "", rest = ""] = /^(\/\S*)\s*([\s\S]*)$/.exec(text) ?? [];
  const known = [...workspace.commands, ...BUILT_IN].some((one) => one.command === name);
  if (!known) return `\`${name}\` is not a command here.`;
  if (thread)
    return `\`${name}\` is not supported in threads. Sorry! Mention *@${workspace.bot.name}* instead: the thread tells it what you mean.`;
  if (name === "/invite" || name === "/remove") {
    const answer = await (name === "/invite" ? api.invite(channel.id) : api.kick(channel.id));
    return answer.ok ? null : `\`${name}\` failed: ${answer.error}`;
  }
  const answer = await api.command(me.id, channel.id, name, rest);
  if (answer.ok && !answer.error) return null;
  return TOLD_BY_THE_WORKSPACE.has(answer.error ?? "") ? null : `\`${name}\` failed with the error "${answer.error}"`;
}

/** Handles become mentions, as a client does when they are picked from its list. */
function linked(text: string, people: Person[]): string {
  return text.replace(/(^|[\s(])@([a-z][\w.-]*)/gi, (whole, before: string, name: string) => {
    const person = people.find((one) => one.name.toLowerCase() === name.toLowerCase());
    return person ? `${before}<@${person.id}>` : whole;
  });
}
