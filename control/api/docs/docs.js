// @ts-check
// The API reference: renders /api/v1/openapi.json. Everything goes in as text,
// never as HTML.

/** @typedef {{type?: string|string[], format?: string, description?: string, enum?: unknown[], items?: Schema, properties?: Record<string, Schema>, required?: string[], $ref?: string, examples?: unknown[], minimum?: number, maximum?: number, maxLength?: number, default?: unknown}} Schema */
/** @typedef {{name: string, in: string, description?: string, required?: boolean, schema?: Schema, example?: unknown}} Parameter */
/** @typedef {{operationId: string, summary: string, description?: string, tags: string[], parameters?: Parameter[], security?: object[], requestBody?: {content: Record<string, {schema: Schema}>}, responses: Record<string, {description: string, content?: Record<string, {schema: Schema}>}>}} Operation */
/** @typedef {{info: {title: string, description: string, version: string}, tags: {name: string, description: string}[], paths: Record<string, Record<string, Operation>>, components: {schemas: Record<string, Schema>}}} Description */

/** Rounds of $ref that are followed: deeper ones are shown by their name. */
const maxDepth = 6;

/**
 * @param {string} tag
 * @param {Record<string, string>} [attributes]
 * @param {...(Node|string|null|undefined)} children
 */
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  for (const child of children) if (child) node.append(child);
  return node;
}

/**
 * Text with `code` in it.
 * @param {string} tag
 * @param {string|undefined} text
 * @param {Record<string, string>} [attributes]
 */
function prose(tag, text, attributes) {
  if (!text) return null;
  const node = el(tag, attributes);
  text.split("`").forEach((part, i) => node.append(i % 2 ? el("code", {}, part) : part));
  return node;
}

/**
 * @param {Description} api
 * @param {Schema|undefined} schema
 * @returns {{schema: Schema, name: string}}
 */
function resolve(api, schema) {
  const name = schema?.$ref?.split("/").pop() ?? "";
  return { schema: (name && api.components.schemas[name]) || schema || {}, name };
}

/** @param {Schema} schema @param {string} name */
function typeName(schema, name) {
  const types = [schema.type ?? []].flat().filter((t) => t !== "null");
  if (types.includes("array")) return "list of " + (schema.items?.$ref?.split("/").pop() ?? schema.items?.type ?? "anything");
  const format = schema.format === "int64" ? "" : schema.format; // says nothing to a reader
  return [types.join(" or ") || name || "anything", format].filter(Boolean).join(", ");
}

/** What a value must be, in words. @param {Schema} s */
function limits(s) {
  const out = [];
  if (s.enum) out.push("one of " + s.enum.join(", "));
  if (s.minimum !== undefined && s.maximum !== undefined) out.push(`${s.minimum} to ${s.maximum}`);
  if (s.maxLength !== undefined) out.push(`at most ${s.maxLength} characters`);
  if (s.default !== undefined) out.push(`default ${s.default}`);
  return out.join("; ");
}

/**
 * @param {Description} api
 * @param {Schema} of
 * @param {number} [depth]
 * @returns {HTMLElement}
 */
function properties(api, of, depth = 0) {
  const list = el("dl");
  for (const [name, raw] of Object.entries(of.properties ?? {})) {
    const { schema, name: type } = resolve(api, raw);
    const inner = resolve(api, schema.items ?? raw).schema;
    const nested = inner.properties && depth < maxDepth ? properties(api, inner, depth + 1) : null;
    list.append(entry(name, !!of.required?.includes(name), typeName(schema, type), limits(schema), schema.description ?? raw.description, nested));
  }
  return list;
}

/**
 * @param {string} name
 * @param {boolean} required
 * @param {string} type
 * @param {string} limit
 * @param {string} [text]
 * @param {HTMLElement|null} [nested]
 */
function entry(name, required, type, limit, text, nested) {
  return el("div", {},
    el("dt", {}, name, el("span", { class: "need" }, required ? "required" : "optional")),
    el("dd", {}, el("div", { class: "type" }, [type, limit].filter(Boolean).join(" · ")), prose("div", text), nested));
}

/**
 * An example of a schema, made of its fields' examples.
 * @param {Description} api
 * @param {Schema|undefined} raw
 * @param {number} [depth]
 * @returns {unknown}
 */
function example(api, raw, depth = 0) {
  const { schema } = resolve(api, raw);
  if (schema.examples?.length) return schema.examples[0];
  if (schema.default !== undefined) return schema.default;
  if (schema.enum) return schema.enum[schema.enum.length - 1];
  if (schema.properties && depth < maxDepth) {
    return Object.fromEntries(Object.entries(schema.properties).map(([k, v]) => [k, example(api, v, depth + 1)]));
  }
  const type = [schema.type].flat()[0];
  if (type === "array") return depth < maxDepth ? [example(api, schema.items, depth + 1)] : [];
  if (type === "boolean") return true;
  if (type === "integer" || type === "number") return schema.minimum ?? 1;
  if (schema.format === "date-time") return "2026-01-31T09:30:00Z";
  if (schema.format === "uuid") return "0192f0c1-7d3a-7b1e-9c55-1f2e3d4c5b6a";
  return "…";
}

/** @param {string} text */
function quoted(text) {
  return "'" + text.replaceAll("'", "'\\''") + "'";
}

/**
 * @param {Description} api
 * @param {string} method
 * @param {string} path
 * @param {Operation} op
 */
function curl(api, method, path, op) {
  const words = ["curl"];
  if (method !== "get") words.push("-X", method.toUpperCase());
  const where = path.replaceAll(/\{(\w+)\}/g, (_, name) => "$" + name.toUpperCase());
  const lines = [words.join(" ") + ` "${location.origin}${where}"`];
  if (op.security) lines.push('-H "Authorization: Bearer $ATRIUM_KEY"');
  const body = op.requestBody?.content["application/json"];
  if (body) {
    lines.push("-H 'Content-Type: application/json'");
    lines.push("-d " + quoted(JSON.stringify(example(api, body.schema))));
  }
  return lines.join(" \\\n  ");
}

/** @param {string} text */
function codeBlock(text) {
  const button = el("button", { type: "button", class: "copy" }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select it by hand"; // no clipboard on plain HTTP
    }
  });
  return el("pre", {}, button, el("code", { tabindex: "0" }, text)); // long lines scroll by keyboard too
}

/**
 * @param {Description} api
 * @param {string} status
 * @param {{description: string, content?: Record<string, {schema: Schema}>}} response
 */
function responseOf(api, status, response) {
  const good = Number(status) < 400;
  const label = el("span", { class: good ? "good" : "bad" }, status);
  const text = status === "204" ? "Done; no content" : response.description;
  const schema = Object.values(response.content ?? {})[0]?.schema;
  if (!good || !schema) return el("div", {}, el("p", {}, label, " ", text));
  const json = JSON.stringify(example(api, schema), null, 2);
  return el("div", {}, el("p", {}, label, " ", text), codeBlock(json),
    el("details", {}, el("summary", {}, "Fields of the answer"), properties(api, resolve(api, schema).schema)));
}

/**
 * @param {Description} api
 * @param {string} path
 * @param {string} method
 * @param {Operation} op
 */
function operation(api, path, method, op) {
  const body = el("div", { class: "body" }, prose("p", op.description));
  body.append(el("h4", {}, "Example"), codeBlock(curl(api, method, path, op)));
  if (op.parameters?.length) {
    const list = el("dl");
    for (const p of op.parameters) {
      const kind = { path: "in the path", query: "query", header: "header" }[p.in] ?? p.in;
      list.append(entry(p.name, !!p.required, `${kind}, ${typeName(p.schema ?? {}, "")}`, limits(p.schema ?? {}), p.description));
    }
    body.append(el("h4", {}, "Parameters"), list);
  }
  const content = op.requestBody?.content["application/json"];
  if (content) body.append(el("h4", {}, "Body"), properties(api, resolve(api, content.schema).schema));
  body.append(el("h4", {}, "Answers"));
  const statuses = Object.keys(op.responses).sort();
  for (const status of statuses.filter((s) => Number(s) < 400)) body.append(responseOf(api, status, op.responses[status]));
  const errors = statuses.filter((s) => Number(s) >= 400);
  body.append(el("p", {}, "Errors: ", errors.map((s) => `${s} ${op.responses[s].description}`).join(" · ")));
  return el("article", { id: op.operationId },
    el("div", { class: "head" }, el("h3", {}, op.summary), badge(method), el("span", { class: "path" }, path),
      el("span", { class: "lock" }, op.security ? "API key" : "public")),
    body);
}

/** @param {string} method */
function badge(method) {
  return el("span", { class: "method " + method }, method.toUpperCase());
}

/** @param {Description} api */
function render(api) {
  const main = /** @type {HTMLElement} */ (document.getElementById("main"));
  const nav = /** @type {HTMLElement} */ (document.getElementById("nav"));
  main.replaceChildren(prose("p", api.info.description, { class: "lead" }) ?? "");
  for (const tag of api.tags) {
    const section = el("section", {}, el("h2", {}, tag.name), prose("p", tag.description, { class: "lead" }));
    const links = el("ul");
    for (const [path, methods] of Object.entries(api.paths)) {
      for (const [method, op] of Object.entries(methods)) {
        if (!op.tags?.includes(tag.name)) continue;
        section.append(operation(api, path, method, op));
        links.append(el("li", {}, el("a", { href: "#" + op.operationId }, badge(method), op.summary)));
      }
    }
    main.append(section);
    nav.append(el("h2", {}, tag.name), links);
  }
  const problem = api.components.schemas.Problem;
  main.append(el("section", { id: "errors" }, el("h2", {}, "Errors"),
    prose("p", "Every error has this body, as `application/problem+json` (RFC 9457).", { class: "lead" }), properties(api, problem)));
  nav.append(el("h2", {}, "More"), el("ul", {}, el("li", {}, el("a", { href: "#errors" }, "Errors"))));
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView({ behavior: "instant" });
}

try {
  const answer = await fetch("/api/v1/openapi.json");
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  render(await answer.json());
} catch (error) {
  const reason = error instanceof Error ? error.message : error;
  document.getElementById("main")?.replaceChildren(
    el("p", { role: "alert" }, `The description could not be shown: ${reason}. Reload to try again.`));
}
