// The page's Apps Script, with Google's objects stood in for: a document with a selected brief, properties, and a fetch by curl.
import { execFileSync } from "node:child_process";

const words = { ADTUNE_URL: process.env.OPENAI_BASE_URL, ADTUNE_KEY: process.env.OPENAI_API_KEY };
const inserted = [], alerts = [], menu = [];
const PropertiesService = { getScriptProperties: () => ({ getProperty: (name) => words[name] ?? null }) };
const UrlFetchApp = {
  fetch(url, said) {
    const given = ["--silent", "-X", said.method.toUpperCase(), "-H", `Content-Type: ${said.contentType}`, "-w", "\n%{http_code}", "-d", said.payload, url];
    for (const [name, value] of Object.entries(said.headers)) given.push("-H", `${name}: ${value}`);
    const parts = execFileSync("curl", given, { encoding: "utf8" }).split("\n");
    return { getResponseCode: () => Number(parts.at(-1)), getContentText: () => parts.slice(0, -1).join("\n") };
  },
};
const element = { asText: () => ({ getText: () => "Spring in the valley" }), getParent: () => ({}) };
const body = { insertParagraph: (place, text) => inserted.push(text), appendParagraph: (text) => inserted.push(text), getChildIndex: () => 0 };
const DocumentApp = {
  getUi: () => ({ alert: (text) => alerts.push(text), createMenu: () => ({ addItem(name) { menu.push(name); return this; }, addToUi() {} }) }),
  getActiveDocument: () => ({ getBody: () => body, getSelection: () => ({ getRangeElements: () => [{ getElement: () => element }] }) }),
};

// THE PAGE'S CODE

const mine = (text) => text.trim() !== "" && text.replaceAll(process.env.WORD, "").trim() === "";
onOpen();
draftHere();
const checks = { menu: menu.length === 1, draft: inserted.length === 1 && mine(inserted[0]) };
words.ADTUNE_KEY = "adt_wrong";
draftHere();
checks["an error is shown"] = alerts.length === 1 && alerts[0].includes("API key") && inserted.length === 1;
console.log(JSON.stringify({ version: process.version, checks }));
