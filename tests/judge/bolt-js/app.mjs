// A small Bolt for JavaScript app: command, button, modal, mention, home. Over a socket where it has an app token, else over HTTP.
// Prints one line of JSON when it has started and for each thing that it was told.
import { createRequire } from "node:module";

const { BOLT_JS_PLACE, SLACK_API_BASE_URL, SLACK_BOT_TOKEN, SLACK_APP_TOKEN, SLACK_SIGNING_SECRET, PORT } = process.env;
const { App, LogLevel } = createRequire(`${BOLT_JS_PLACE}/package.json`)("@slack/bolt");
const app = new App({
  token: SLACK_BOT_TOKEN,
  signingSecret: SLACK_SIGNING_SECRET,
  ...(SLACK_APP_TOKEN ? { appToken: SLACK_APP_TOKEN, socketMode: true } : {}),
  clientOptions: { slackApiUrl: SLACK_API_BASE_URL, retryConfig: { retries: 0 } },
  logLevel: LogLevel.ERROR,
});
const tell = (kind, detail) => process.stdout.write(`${JSON.stringify({ kind, detail })}\n`);
const plain = (text) => ({ type: "plain_text", text });
const modal = (note) => ({
  type: "modal",
  callback_id: "create",
  private_metadata: note,
  title: plain("New cluster"),
  submit: plain("Create"),
  blocks: [{ type: "input", block_id: "name", label: plain("Name"), element: { type: "plain_text_input", action_id: "value" } }],
});

app.command("/gpu", async ({ ack, command, client, respond, say }) => {
  if (command.text === "modal") {
    await ack();
    await client.views.open({ trigger_id: command.trigger_id, view: modal(command.channel_id) });
  } else if (command.text === "respond") {
    await ack();
    await respond({ response_type: "in_channel", text: "responded" });
  } else {
    await ack(`heard ${command.text}`);
    const button = { type: "button", text: plain("Approve"), action_id: "approve", value: "op-1" };
    await say({ text: "card", blocks: [{ type: "section", text: { type: "mrkdwn", text: "*1 x T4*" } }, { type: "actions", elements: [button] }] });
  }
});
app.action("approve", async ({ ack, action, body, client }) => {
  await ack();
  await client.chat.update({ channel: body.channel.id, ts: body.message.ts, text: `approved ${action.value} by <@${body.user.id}>` });
});
app.view("create", async ({ ack, view, client }) => {
  const name = view.state.values.name.value.value;
  if (name === "Bad Name") {
    await ack({ response_action: "errors", errors: { name: "Lower-case letters only." } });
  } else {
    await ack();
    await client.chat.postMessage({ channel: view.private_metadata, text: `creating ${name}` });
  }
});
app.event("app_mention", async ({ event, say }) => say({ text: "in the thread", thread_ts: event.thread_ts ?? event.ts }));
app.event("app_home_opened", async ({ event, client }) => {
  await client.views.publish({ user_id: event.user, view: { type: "home", blocks: [{ type: "header", text: plain("GPUs") }] } });
});
app.error(async (error) => tell("error", error.message));
await app.start(SLACK_APP_TOKEN ? undefined : { port: Number(PORT), host: "127.0.0.1" });
tell("started", process.version);
