/** Lets any part of the page put text into the channel's composer. */
type Listener = (text: string) => void;
let listener: Listener | null = null;

export const draft = {
  put: (text: string) => listener?.(text),
  listen: (to: Listener) => {
    listener = to;
    return () => {
      if (listener === to) listener = null;
    };
  },
};
