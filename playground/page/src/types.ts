// What the control API answers, and the parts of Block Kit that the page looks into.

export interface Person {
  id: string;
  name: string;
  real_name?: string;
  is_bot?: boolean;
  is_admin?: boolean;
  is_restricted?: boolean;
  is_ultra_restricted?: boolean;
  is_stranger?: boolean;
  profile?: { display_name?: string; title?: string };
}

export interface Channel {
  id: string;
  name: string;
  is_private?: boolean;
  kind?: "channel" | "group" | "im";
  members?: string[];
  topic?: string | { value?: string };
}

export interface Usergroup {
  id: string;
  handle?: string;
  users?: string[];
  name?: string;
}

export interface Shortcut {
  name: string;
  callback_id: string;
  type?: string;
  description?: string;
}

export interface SlashCommand {
  command: string;
  description?: string;
  usage_hint?: string;
}

export interface Workspace {
  team?: { id: string; name?: string };
  bot: { user_id: string; bot_id?: string; name: string };
  users: Person[];
  channels: Channel[];
  usergroups: Usergroup[];
  commands: SlashCommand[];
  shortcuts: Shortcut[];
}

export interface SharedFile {
  id: string;
  name: string;
  title?: string;
  size?: number;
  url: string;
  mimetype?: string;
  alt_txt?: string;
}

export interface Message {
  ts: string;
  user?: string | null;
  bot?: string | null;
  username?: string | null;
  text?: string;
  blocks?: Block[];
  files?: SharedFile[];
  edits?: number;
  edited?: boolean;
  ephemeral_to?: string | null;
  deleted?: boolean;
  thread_ts?: string | null;
  /** From the workspace's own bot: a command that failed, and the like. */
  notice?: boolean;
  /** A reply that is shown in the channel too. */
  broadcast?: boolean;
  /** What the app says that it is doing in this thread. */
  status?: string;
  reactions?: Record<string, string[]>;
  replies?: Message[];
}

export interface TextObject {
  type: "plain_text" | "mrkdwn";
  text: string;
}

export interface Confirm {
  title: TextObject;
  text: TextObject;
  confirm: TextObject;
  deny: TextObject;
  style?: "primary" | "danger";
}

export interface Option {
  text: TextObject;
  value: string;
  description?: TextObject;
  url?: string;
}

/** An interactive element; which of the keys are set depends on `type`. */
export interface Element {
  type: string;
  action_id?: string;
  text?: TextObject;
  value?: string;
  url?: string;
  style?: "primary" | "danger";
  confirm?: Confirm;
  accessibility_label?: string;
  placeholder?: TextObject;
  options?: Option[];
  option_groups?: { label: TextObject; options: Option[] }[];
  initial_option?: Option;
  initial_options?: Option[];
  initial_value?: string;
  initial_date?: string;
  initial_time?: string;
  initial_date_time?: number;
  initial_user?: string;
  initial_users?: string[];
  initial_conversation?: string;
  initial_conversations?: string[];
  initial_channel?: string;
  initial_channels?: string[];
  default_to_current_conversation?: boolean;
  multiline?: boolean;
  max_length?: number;
  min_length?: number;
  is_decimal_allowed?: boolean;
  min_value?: string;
  max_value?: string;
  max_selected_items?: number;
  focus_on_load?: boolean;
  image_url?: string;
  slack_file?: { id?: string; url?: string };
  alt_text?: string;
  positive_button?: Element;
  negative_button?: Element;
  [key: string]: unknown;
}

export interface Block {
  type: string;
  block_id?: string;
  text?: TextObject | string;
  fields?: TextObject[];
  accessory?: Element;
  elements?: Element[];
  element?: Element;
  label?: TextObject;
  hint?: TextObject;
  optional?: boolean;
  dispatch_action?: boolean;
  [key: string]: unknown;
}

export interface View {
  id: string;
  type: "modal" | "home";
  callback_id?: string;
  root_view_id?: string;
  title?: TextObject;
  submit?: TextObject | null;
  close?: TextObject | null;
  blocks: Block[];
  hash?: string;
  state?: { values?: Record<string, Record<string, unknown>> };
}

/** What a person chose or typed, in the control API's form: plain strings and lists of them. */
export type Value = string | number | string[] | null;

export type Answer = { ok: boolean; error?: string | null };

export interface CommandAnswer extends Answer {
  ack?: { status?: number; text?: string | null; blocks?: Block[] | null; response_type?: string; ms?: number };
}

export interface SubmitAnswer extends Answer {
  response_action?: string | null;
  errors?: Record<string, string> | null;
}

export type StreamEvent =
  | { type: "messages"; channel: string }
  | { type: "views" }
  | { type: "home" }
  | { type: "notice"; text: string; channel?: string };
