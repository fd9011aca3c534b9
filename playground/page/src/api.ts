// The playground's control API (loopback, JSON). Every call answers; a broken connection becomes {ok: false}.

import type { Answer, CommandAnswer, Message, SubmitAnswer, Value, View, Workspace } from "./types";

async function get<T>(path: string, query: Record<string, string> = {}): Promise<T> {
  const answer = await fetch(`/_control/${path}?${new URLSearchParams(query)}`, { cache: "no-store" });
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  return (await answer.json()) as T;
}

async function post<T extends Answer>(path: string, body: unknown): Promise<T> {
  try {
    const answer = await fetch(`/_control/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const json = (await answer.json().catch(() => null)) as T | null;
    return json ?? ({ ok: answer.ok, error: answer.ok ? null : `HTTP ${answer.status}` } as T);
  } catch {
    return { ok: false, error: "the playground does not answer" } as T;
  }
}

/** The control API's bot is told apart by its user id; where it is given as an object or by id only, make one of it. */
function normalised(raw: Workspace & { user_groups?: Workspace["usergroups"]; bot: Record<string, string> | string }): Workspace {
  const bot = typeof raw.bot === "string" ? { id: raw.bot } : (raw.bot as Record<string, string>);
  const user_id = bot.user_id ?? bot.id ?? "U0QM";
  const known = raw.users.find((user) => user.id === user_id);
  return {
    ...raw,
    bot: { user_id, bot_id: bot.bot_id, name: bot.name ?? known?.name ?? "quartermaster" },
    usergroups: raw.usergroups ?? raw.user_groups ?? [],
    commands: raw.commands ?? [],
    shortcuts: raw.shortcuts ?? [],
  };
}

export const api = {
  workspace: async () => normalised(await get("workspace")),
  messages: async (channel: string, user: string) => (await get<{ messages: Message[] }>("messages", { channel, user })).messages,
  views: async (user: string) => (await get<{ views: View[] }>("views", { user })).views,
  home: async (user: string) => (await get<{ view: View | null }>("home", { user })).view,
  openHome: (user: string) => post("home", { user }),
  command: (user: string, channel: string, command: string, text: string) =>
    post<CommandAnswer>("commands", { user, channel, command, text }),
  mention: (user: string, channel: string, thread_ts: string | null, text: string) => post("mentions", { user, channel, thread_ts, text }),
  message: (user: string, channel: string, thread_ts: string | null, text: string, files: { name: string; content: string }[]) =>
    post("messages", { user, channel, thread_ts, text, files }),
  action: (body: { user: string; channel?: string; ts?: string; view_id?: string; action_id: string; block_id?: string; value?: Value }) =>
    post("actions", body),
  submit: (user: string, view_id: string, values: Record<string, Record<string, Value>>) =>
    post<SubmitAnswer>("views/submit", { user, view_id, values }),
  closeView: (user: string, view_id: string) => post("views/close", { user, view_id }),
  shortcut: (user: string, channel: string, ts: string, callback_id: string) => post("shortcuts", { user, channel, ts, callback_id }),
  invite: (channel: string) => post("invite", { channel }),
  join: (user: string, channel: string) => post("invite", { user, channel }),
  kick: (channel: string) => post("kick", { channel }),
};
