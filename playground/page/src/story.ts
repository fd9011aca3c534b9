/** The playground's own first steps: what an empty channel offers, and what the composer suggests besides the app's usage hint. */
export const STORY = [
  { what: "See what there is", command: "/gpu help" },
  {
    what: "Ask for a cluster with one GPU",
    command: "/gpu cluster create demo --region eastus --size Standard_NC4as_T4_v3 --nodes 1 --for 8h",
  },
  { what: "As Bob or Carol: approve it on its card; then see the capacity", command: "/gpu nodes demo" },
  { what: "Train on it", command: "/gpu run mnist --on demo" },
];
