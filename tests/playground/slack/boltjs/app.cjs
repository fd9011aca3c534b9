// A small Bolt for JavaScript app: command, button, modal, mention, home. Prints one line of JSON for each thing that it was told.
"use strict";
const { createRequire } = require("node:module");
const { App, LogLevel } = createRequire(`${process.env.BOLT_JS_HOME}/package.json`)("@slack/bolt");

const { SLACK_API_BASE_URL, SLACK_TEST_BOT_TOKEN, SLACK_TEST_APP_TOKEN, SLACK_TEST_SIGNING_SECRET, SLACK_TEST_PORT } = process.env;
const app = new App({
  token: SLACK_TEST_BOT_TOKEN,
  signingSecret: SLACK_TEST_SIGNING_SECRET,
  ...(SLACK_TEST_APP_TOKEN ? { appToken: SLACK_TEST_APP_TOKEN, socketMode: true } : {}),
  clientOptions: { slackApiUrl: SLACK_API_BASE_URL, retryConfig: { retries: 0 } },
  logLevel: LogLevel.ERROR,
});
const say = (kind, detail) => process.stdout.write(`${JSON.stringify({ kind, detail })}\n`);
const plain = (text) => ({ type: "plain_text", text });

app.command("/gpu", async ({ ack, body, client, respond }) => {
  await ack(`got ${body.text}`);
  if (body.text === "open") {
    const input = { type: "input", block_id: "name", label: plain("Name"), element: { type: "plain_text_input", action_id: "value" } };
    const view = { type: "modal", callback_id: "create", title: plain("New"), submit: plain("Create"), blocks: [input] };
    await client.views.open({ trigger_id: body.trigger_id, view });
  } else if (body.text === "respond") {
    await respond({ text: "responded", response_type: "in_channel" });
  } else {
    const go = { type: "button", text: plain("Go"), action_id: "go", value: "op-1" };
    await client.chat.postMessage({ channel: body.channel_id, text: "card", blocks: [{ type: "actions", elements: [go] }] });
  }
});
app.action("go", async ({ ack, body, action, client }) => {
  await ack();
  await client.chat.update({ channel: body.channel.id, ts: body.message.ts, text: `pressed ${action.value}` });
});
app.view("create", async ({ ack, view }) => {
  const name = view.state.values.name.value.value;
  await (name === "bad" ? ack({ response_action: "errors", errors: { name: "Not that one." } }) : ack());
  say("view", name);
});
app.event("app_mention", async ({ event, client }) => {
  await client.chat.postMessage({ channel: event.channel, thread_ts: event.thread_ts ?? event.ts, text: "here" });
});
app.event("app_home_opened", async ({ event, client }) => {
  await client.views.publish({ user_id: event.user, view: { type: "home", blocks: [{ type: "header", text: plain("GPUs") }] } });
});
app.start(SLACK_TEST_APP_TOKEN ? undefined : { port: Number(SLACK_TEST_PORT), host: "127.0.0.1" }).then(() => say("started", process.version));
