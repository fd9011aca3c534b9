import { createContext, useContext } from "react";
import type { Channel, Message, Person, Workspace } from "../types";
import type { Notice } from "./messages";
import type { Route } from "./route";

/** What every part of the page may need to know and what seldom changes; written by App alone. */
export interface Session {
  workspace: Workspace;
  me: Person;
  route: Route;
  go: (change: Partial<Route>) => void;
  theme: "light" | "dark";
  notify: (text: string, thread?: string | null) => void;
  dismiss: (id: number) => void;
  refresh: () => void;
  /** The address of a file of the open channel by its id. */
  fileAddress: (id: string) => string | undefined;
}

/** What changes with every event. Apart from the rest, so that a new message does not draw all the old ones again. */
export interface Feed {
  messages: Message[] | undefined;
  notices: Notice[];
  unread: ReadonlySet<string>;
}

export const FeedContext = createContext<Feed>({ messages: undefined, notices: [], unread: new Set() });

export function useFeed(): Feed {
  return useContext(FeedContext);
}

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("useSession outside of the page");
  return session;
}

/** The name by which a person is shown: real name, else handle. */
export function shownName(person: Person): string {
  return person.real_name || person.profile?.display_name || person.name;
}

/** What sets a person apart from an ordinary member, in a word or two, or nothing. */
export function standing(person: Person, workspace: Workspace): string | null {
  if (person.is_stranger) return "external";
  if (person.is_restricted || person.is_ultra_restricted) return "guest";
  const group = workspace.usergroups.find((one) => one.users?.includes(person.id));
  return group?.handle ?? (person.is_admin ? "admin" : null);
}

/** What a conversation is called for `viewer`: a direct one bears the other's name. */
export function channelName(channel: Channel, workspace: Workspace, viewer: string): string {
  if (channel.kind !== "im") return channel.name;
  const other = workspace.users.find((user) => user.id !== viewer && channel.members?.includes(user.id));
  return other ? shownName(other) : "you";
}
