import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { globMatches } from "../../src/base/glob.ts";
import { limits } from "../../src/base/limits.ts";
import { globCovers, parseTemplate, templateMatches } from "../../src/base/uri-template.ts";

function matches(template: string, uri: string): boolean | undefined {
  const parsed = parseTemplate(template);
  return parsed && templateMatches(parsed, uri);
}

describe("RFC 6570: was the URI made of the template", () => {
  const cases: readonly [template: string, uri: string, made: boolean][] = [
    ["demo://text/{id}", "demo://text/7", true],
    ["demo://text/{id}", "demo://text/a%2Fb", true],
    ["demo://text/{id}", "demo://text/", false],
    ["demo://text/{id}", "demo://text/a/b", false],
    ["demo://text/{id}", "demo://text/a?b", false],
    ["demo://text/{id}", "demo://other/7", false],
    ["test://{id}/data", "test://7/data", true],
    ["test://{id}/data", "test://7/data/x", false],
    ["{a}-{b}", "x-y-z", true],
    ["{a}-{b}", "xyz", false],
    ["{x,y}", "1024,768", true],
    ["file:///{+path}", "file:///srv/a/b.txt", true],
    ["file:///{+path}", "file:///", false],
    ["file:///{+path}/meta", "file:///a/meta/meta", true],
    ["x:{+p}{#frag}", "x:a/b#c/d", true],
    ["db://{table}{?limit,offset}", "db://users", true],
    ["db://{table}{?limit,offset}", "db://users?limit=1&offset=2", true],
    ["db://{table}{?limit}", "db://users/1", false],
    ["q:a?fixed=1{&x}", "q:a?fixed=1&x=2", true],
    ["x:{/a,b}", "x:/1/2", true],
    ["x:y{.ext}", "x:y.tar.gz", true],
    ["x:y{;p}", "x:y;p=1", true],
    ["x:{var:3}", "x:val", true],
    ["x:{list*}", "x:a,b", true],
    ["no:template", "no:template", true],
    ["no:template", "no:template2", false],
  ];
  for (const [template, uri, made] of cases) {
    test(`${template} ${made ? "made" : "did not make"} ${uri}`, () => {
      expect(matches(template, uri)).toBe(made);
    });
  }

  test("what is no template is none", () => {
    for (const text of ["x:{", "x:}", "x:{}", "x:{a{b}}", "x:{+}", "a}b{c}"]) {
      expect(parseTemplate(text)).toBeUndefined();
    }
  });

  test("every expansion of a template matches it", () => {
    const literal = fc.string({ unit: fc.constantFrom("a", ":", "/", ".", "-"), maxLength: 4 });
    const value = fc.string({ unit: fc.constantFrom("a", "b", "%2F", "."), minLength: 1 });
    const wide = fc.string({ unit: fc.constantFrom("a", "/", "?", "#", "."), minLength: 1 });
    const piece = fc.oneof(
      literal.map((text) => [text, text] as const),
      value.map((text) => ["{v}", text] as const),
      wide.map((text) => ["{+v}", text] as const),
      value.map((text) => ["{?v}", `?v=${text}`] as const),
      value.map((text) => ["{/v}", `/${text}`] as const),
      fc.constant(["{?v}", ""] as const),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const template = pieces.map(([text]) => text).join("");
        expect(matches(template, pieces.map(([, text]) => text).join(""))).toBe(true);
      }),
    );
  });

  test("R11 as many of the worst templates as a server may have, and the longest URI", () => {
    const most = limits.templateExpressions;
    const uri = "ab".repeat(limits.uriBytes / 2);
    expect(matches("{a}".repeat(most + 1), uri)).toBeUndefined();
    const worst = ["{+a}b".repeat(most), `${"{a}".repeat(most)}c{+a}b`, "{a}b".repeat(most)];
    const began = performance.now();
    for (const template of worst) matches(template, uri);
    const each = (performance.now() - began) / worst.length;
    expect(each * limits.templatesPerServer).toBeLessThan(1_000);
  });
});

describe("which of its URIs a glob covers", () => {
  const cases: readonly [glob: string, template: string, covers: "all" | "some" | "none"][] = [
    ["*", "file:///{+path}", "all"],
    ["file:///*", "file:///{+path}", "all"],
    ["file:///srv/*", "file:///{+path}", "some"],
    ["file:///srv/*", "file:///srv/{name}", "all"],
    ["file:///srv/*", "file:///etc/{name}", "none"],
    ["file:///srv/a.txt", "file:///srv/{name}", "some"],
    ["file:///srv/a/b.txt", "file:///srv/{name}", "none"],
    ["*.txt", "file:///{name}.txt", "all"],
    ["*.txt", "file:///{name}.md", "none"],
    ["*.txt", "file:///{name}", "some"],
    ["file:///?", "file:///{name}", "some"],
    ["no:template", "no:template", "some"],
    ["no:*", "no:template", "all"],
    ["yes:*", "no:template", "none"],
  ];
  for (const [glob, template, covers] of cases) {
    test(`${glob}: ${covers} of ${template}`, () => {
      const parsed = parseTemplate(template);
      expect(parsed && globCovers(glob, parsed)).toBe(covers);
    });
  }

  test("never none where one is matched, never all where one is not", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "/", "."), maxLength: 4 });
    const part = fc.oneof(
      text.map((one) => [one, one] as const),
      fc.stringMatching(/^[ab.]{1,4}$/).map((one) => ["{v}", one] as const),
      fc.stringMatching(/^[ab/.]{1,4}$/).map((one) => ["{+v}", one] as const),
    );
    const glob = fc.string({ unit: fc.constantFrom("a", "b", "/", ".", "*", "?"), maxLength: 6 });
    fc.assert(
      fc.property(fc.array(part, { maxLength: 4 }), glob, (parts, pattern) => {
        const template = parseTemplate(parts.map(([one]) => one).join(""));
        const uri = parts.map(([, one]) => one).join("");
        const covers = template && globCovers(pattern, template);
        expect(covers).not.toBe(globMatches(pattern, uri) ? "none" : "all");
      }),
      { numRuns: 2_000 },
    );
  });
});
