import { expect, test } from "bun:test";
import { lookup } from "../../src/runtime/lookup.ts";
import { addressesOf, refusalOf, resolveHost } from "../../src/upstream/address.ts";
import { noLookup } from "../kit/no-lookup.ts";

const refused = [
  ...["169.254.169.254", "169.254.0.1", "fe80::1", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe"],
  ...["fd00:ec2::254", "100.100.100.200", "64:ff9b::a9fe:a9fe", "0.0.0.0", "::", "192.0.0.192"],
  ...["64:ff9b:1::a9fe:a9fe", "::169.254.169.254", "::a9fe:a9fe", "::7f00:1", "::ffff:0:a9fe:a9fe"],
  ...["168.63.129.16", "fd00:ec2::23", "fd20:ce::254", "169.254.170.2", "fe80::1%eth0", "fec0::1"],
  ...["2002:7f00:1::", "2001:0:a9fe:a9fe::", "4000::1", "100::1", "5f00::1", "2001:db8::1"],
  ...["224.0.0.1", "ff02::1", "255.255.255.255", "240.0.0.1", "2002:a9fe:a9fe::", "not an address"],
];
const dialled = [
  "127.0.0.1",
  "::1",
  "10.0.0.1",
  "192.168.1.1",
  "8.8.8.8",
  "fd12::1",
  "2606:4700::1",
];

test.each(refused)("U1 %s is not dialled", (address) => {
  expect(refusalOf(address, false)).toBeString();
});

test.each(dialled)("what the operator wrote is dialled: %s", (address) => {
  expect(refusalOf(address, false)).toBeUndefined();
});

test("U1 allow_link_local lifts link-local and metadata, nothing else", () => {
  expect(refusalOf("169.254.169.254", true)).toBeUndefined();
  expect(refusalOf("fe80::1", true)).toBeUndefined();
  expect(refusalOf("224.0.0.1", true)).toBeString();
});

test("U1 U2 a name is dialled at the addresses that were checked, and only those", async () => {
  const resolve = async () => ["169.254.169.254", "93.184.216.34"];
  expect(await resolveHost("a.test", false, resolve)).toEqual(["93.184.216.34"]);
  const metadata = async () => ["169.254.169.254"];
  expect(resolveHost("a.test", false, metadata)).rejects.toThrow("link-local or cloud metadata");
});

const written = [
  ...["2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "169.254.169.254."],
  ...["[::ffff:a9fe:a9fe]", "[::ffff:169.254.169.254]", "[64:ff9b::169.254.169.254]"],
  ...["１６９.254.169.254", "169。254。169。254", "%31%36%39.254.169.254"],
];

test.each(written)("U1 http://%s/ is the metadata service however it is written", async (host) => {
  const { hostname } = new URL(`http://${host}/`);
  await expect(resolveHost(hostname, false, noLookup)).rejects.toThrow(
    "link-local or cloud metadata",
  );
});

test("U2 a name that was public is not dialled inside afterwards; what is mixed is sorted", async () => {
  const answers = [
    ["93.184.216.34", "2606:4700::1"],
    ["127.0.0.1"],
    ["10.0.0.1", "93.184.216.34"],
    ["::ffff:127.0.0.1"],
    ["64:ff9b::7f00:1"],
    ["fd12::1"],
    ["100.64.0.1"],
  ];
  const next = addressesOf("a.test", false, async () => answers.shift() ?? []);
  expect(await next()).toEqual(["93.184.216.34", "2606:4700::1"]);
  await expect(next()).rejects.toThrow("127.0.0.1 is not public");
  expect(await next()).toEqual(["93.184.216.34"]);
  for (let n = 0; n < 4; n += 1) await expect(next()).rejects.toThrow("had public ones before");
});

test("what is inside from the start stays so: the operator wrote its name", async () => {
  const answers = [["10.0.0.1"], ["10.0.0.2"], ["10.0.0.3", "93.184.216.34"]];
  const next = addressesOf("a.test", false, async () => answers.shift() ?? []);
  expect([await next(), await next(), await next()].flat()).toHaveLength(4);
});

test("localhost is both families, a literal is itself", async () => {
  expect(await resolveHost("localhost", false, lookup)).toEqual(["127.0.0.1", "::1"]);
  expect(await resolveHost("[::1]", false, noLookup)).toEqual(["::1"]);
});
