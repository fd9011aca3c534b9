// Bundles the page into dist/ with everything it needs: one script, one style sheet, one document, one icon.
import { cp, mkdir, rm } from "node:fs/promises";
import { context } from "esbuild";

const watch = process.argv.includes("--watch");
const bundle = await context({
  entryPoints: { page: "src/index.tsx" },
  outdir: "dist",
  bundle: true,
  minify: !watch,
  sourcemap: watch,
  format: "esm",
  target: ["es2022"],
  jsx: "automatic",
  define: { "process.env.NODE_ENV": JSON.stringify(watch ? "development" : "production") },
  logLevel: "info",
});

await rm("dist", { recursive: true, force: true });
await mkdir("dist", { recursive: true });
if (watch) {
  await bundle.watch();
} else {
  await bundle.rebuild();
  await bundle.dispose();
}
await cp("src/icon.svg", "dist/icon.svg");
// Last, because its presence tells make and the server that the build is complete.
await cp("src/index.html", "dist/index.html");
