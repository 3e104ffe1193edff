import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { printable, Redactor } from "./redact.ts";
import { formsOf } from "./test/test-context.ts";

const CANARY = 'pässwörd/with+signs & "quotes"';
const SECRET = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

describe("the redactor", () => {
  it("replaces a registered value in every encoding in which it could be printed", () => {
    const redactor = new Redactor();
    redactor.register(CANARY);
    for (const form of [...formsOf(CANARY), JSON.stringify(CANARY).slice(1, -1)])
      expect(redactor.apply(`before ${form} after`)).toBe("before [secret] after");
  });

  it("replaces the raw bytes behind 64 hex characters in base64, and the value in upper case", () => {
    const redactor = new Redactor();
    redactor.register(SECRET);
    const raw = Buffer.from(SECRET, "hex");
    for (const form of [raw.toString("base64"), raw.toString("base64url"), SECRET.toUpperCase()]) {
      expect(redactor.apply(`x ${form} y`)).toBe("x [secret] y");
      // Inside a longer word nobody would know it by its shape.
      expect(redactor.apply(`x_${form}z`)).toBe("x_[secret]z");
    }
  });

  it("replaces a value as often as it stands there, and two values in one text", () => {
    const redactor = new Redactor();
    redactor.register("first-value");
    redactor.register("other-value");
    expect(redactor.apply("first-value, first-valuefirst-value\nother-value first-value")).toBe(
      "[secret], [secret][secret]\n[secret] [secret]",
    );
  });

  it("replaces what is shaped like a gateway secret even if nobody registered it", () => {
    expect(new Redactor().apply(`kid ad16856218e52ec8 of ${SECRET}`)).toBe("kid ad16856218e52ec8 of [secret]");
  });

  it.each(["Bearer abcdefghijkl", "bearer eyJhbGciOi.J9.x-y_z", "FlyV1 fm2_lJPECAAA,fm2_b", "token ghp_0123456789"])(
    "replaces the credential of an authorization header: %s",
    (text) => {
      const [scheme = ""] = text.split(" ");
      expect(new Redactor().apply(`authorization: ${text}`)).toBe(`authorization: ${scheme} [secret]`);
    },
  );

  it("does not take a word behind the word token for one", () => {
    const text = "the token accepted everything; token   expires tomorrow";
    expect(new Redactor().apply(text)).toBe(text);
  });

  it("leaves kids, digests of other lengths and ordinary words alone", () => {
    const text = "koyeb instance 148e21b7c03d89 accepts ad16856218e52ec8; the token is wrong";
    expect(new Redactor().apply(text)).toBe(text);
  });

  it("ignores values that are too short to be one: they would eat ordinary words", () => {
    const redactor = new Redactor();
    redactor.register("");
    redactor.register("secret");
    expect(redactor.apply("a secret was rotated")).toBe("a secret was rotated");
  });

  it("replaces the longer one of two values where one begins with the other", () => {
    const redactor = new Redactor();
    redactor.register("short-value");
    redactor.register("short-value-and-more");
    expect(redactor.apply("x short-value-and-more y")).toBe("x [secret] y");
  });
});

describe("a value that a platform says back", () => {
  const ADDRESS = "postgres://u:p%2Fw&x=<y>@db/é?sslmode=require";
  const redactor = new Redactor();
  for (const value of [SECRET, ADDRESS]) redactor.register(value);
  const base64 = (text: string): string => Buffer.from(text).toString("base64");

  it.each([
    ["cut short", `the value ${SECRET.slice(0, 40)}... is wrong`, "the value [secret]... is wrong"],
    ["as the end of it", `...${SECRET.slice(30)} is wrong`, "...[secret] is wrong"],
    ["wrapped over lines", `x ${SECRET.slice(0, 20)}\n  ${SECRET.slice(20)} y`, "x [secret] y"],
    ["wrapped, in JSON", JSON.stringify(`x ${SECRET.slice(0, 20)}\n  ${SECRET.slice(20)} y`), '"x [secret] y"'],
    ["wrapped with CRLF", printable(`x ${SECRET.slice(0, 20)}\r\n${SECRET.slice(20)} y`), "x [secret] y"],
    ["byte by byte", `x ${SECRET.replaceAll(/(..)(?!$)/g, "$1 ")} y`, "x [secret] y"],
    ["with colons", `x ${SECRET.replaceAll(/(..)(?!$)/g, "$1:")} y`, "x [secret] y"],
    ["in base64 behind one byte", base64(`-${SECRET}`), "LT[secret]g="],
    ["in base64 behind two bytes", base64(`--${SECRET}`), "LS0[secret]"],
    ["as JSON in JSON", JSON.stringify(JSON.stringify({ a: ADDRESS })), '"{\\"a\\":\\"[secret]\\"}"'],
    ["as Go's JSON", ADDRESS.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"), "[secret]"],
    ["as JSON of ASCII", ADDRESS.replace("é", "\\u00e9"), "[secret]"],
    ["as HTML", ADDRESS.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&#62;"), "[secret]"],
    ["as a URL in lower case", encodeURIComponent(ADDRESS).toLowerCase(), "[secret]"],
    ["as a URL of a URL", encodeURIComponent(encodeURIComponent(ADDRESS)), "[secret]"],
    ["as a part of a URL that was escaped in part", encodeURI(ADDRESS), "[secret]"],
    ["as a form", new URLSearchParams({ v: ADDRESS }).toString(), "v=[secret]"],
  ])("is replaced %s", (_, text, clean) => {
    expect(redactor.apply(text)).toBe(clean);
  });

  it("is replaced although its words are ordinary ones, and the words are left alone", () => {
    const words = new Redactor();
    words.register("my staging database 2026");
    expect(words.apply("v=my+staging+database+2026&w")).toBe("v=[secret]&w");
    expect(words.apply("my staging database")).toBe("my staging database");
    words.register("sandbox-github-token-of-2026");
    expect(words.apply("sandbox-github-token is no name")).toBe("sandbox-github-token is no name");
  });

  it("leaves JSON what it is, whatever stands around it", () => {
    const parts = fc.array(
      fc.constantFrom("\\", '"', "%", "\\u00", "&#", "é", "\n", ":", "😀", ADDRESS, SECRET, SECRET.slice(9)),
    );
    fc.assert(
      fc.property(parts, (texts) => {
        const clean = JSON.parse(redactor.apply(JSON.stringify({ a: texts.join(""), b: [texts] }))) as { a: string };
        expect(clean.a).not.toContain(SECRET.slice(20, 40));
        expect(clean.a).not.toContain(ADDRESS);
      }),
    );
  });
});

describe("text from a platform", () => {
  it("loses every control character but tab and newline", () => {
    expect(printable("\u202Egpj.exe\u2066\u2028日本")).toBe("\uFFFDgpj.exe\uFFFD\uFFFD日本");
    expect(printable("a\u001b[2Jb\u0000c\u009bd\r\n\te\u007f")).toBe("a\uFFFD[2Jb\uFFFDc\uFFFDd\uFFFD\n\te\uFFFD");
  });
});
