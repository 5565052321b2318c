// Loads the page's scripts the way the page does: one after the other, in one scope, in the order that page.html names.

const fs = require("node:fs");
const path = require("node:path");
const zlib = require("node:zlib");

const PAGE = path.join(__dirname, "..", "page");
const INSERTED = /\/\*\{([\w.]+)\}\*\//g;

const read = (name) => fs.readFileSync(path.join(PAGE, name), "utf8");

/** The names of the scripts, in order. */
function scripts() {
  return [...read("page.html").matchAll(INSERTED)].map((match) => match[1]).filter((name) => name.endsWith(".js"));
}

/** What the scripts define, by name. `main.js` is left out: it opens the page. */
function load(...names) {
  const text = scripts().filter((name) => name !== "main.js").map(read).join("\n");
  return new Function(`"use strict";\n${text}\nreturn { ${names.join(", ")} };`)();
}

/** The data of a page as text: a head, and a history as it stands in its file. */
function data(head, history) {
  return `${JSON.stringify({ format: 1, title: "test", verdict: "", findings: [], ...head })}\n${history.trim()}\n`;
}

/** The page with its data, as the command writes it. */
function page(text) {
  const packed = zlib.gzipSync(text, { level: 9 }).toString("base64");
  const title = JSON.parse(text.slice(0, text.indexOf("\n"))).title;
  const escaped = title.replace(/&/g, "&amp;").replace(/</g, "&lt;");
  return read("page.html")
    .replace(INSERTED, (_, name) => read(name))
    .replace("<!--{title}-->", () => escaped)
    .replace("<!--{data}-->", () => packed);
}

module.exports = { load, data, page };
