import type { Block, Element, Value } from "../types";

/** What an element holds before anybody touched it, in the control API's form. */
export function initial(element: Element, channel?: string): Value {
  switch (element.type) {
    case "static_select":
    case "external_select":
    case "radio_buttons":
      return element.initial_option?.value ?? null;
    case "multi_static_select":
    case "multi_external_select":
    case "checkboxes":
      return element.initial_options?.map((option) => option.value) ?? [];
    case "users_select":
      return element.initial_user ?? null;
    case "multi_users_select":
      return element.initial_users ?? [];
    case "conversations_select":
      return element.initial_conversation ?? (element.default_to_current_conversation ? (channel ?? null) : null);
    case "multi_conversations_select":
      return element.initial_conversations ?? [];
    case "channels_select":
      return element.initial_channel ?? null;
    case "multi_channels_select":
      return element.initial_channels ?? [];
    case "datepicker":
      return element.initial_date ?? null;
    case "timepicker":
      return element.initial_time ?? null;
    case "datetimepicker":
      return element.initial_date_time ?? null;
    default:
      return element.initial_value ?? null;
  }
}

const WITHOUT_VALUE = new Set(["button", "workflow_button", "overflow", "image", "feedback_buttons", "icon_button"]);

/** Every element of a view that holds a value, with the block it stands in. */
export function holders(blocks: Block[]): { block: Block; element: Element }[] {
  return blocks.flatMap((block) => {
    const elements = block.type === "input" ? [block.element] : block.type === "actions" ? block.elements : [block.accessory];
    return (elements ?? [])
      .filter((element): element is Element => element !== undefined && !WITHOUT_VALUE.has(element.type))
      .map((element) => ({ block, element }));
  });
}
