import { expect, test } from "bun:test";
import { refusalOf, resolveHost } from "../../src/upstream/address.ts";

const refused = [
  ...["169.254.169.254", "169.254.0.1", "fe80::1", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe"],
  ...["fd00:ec2::254", "100.100.100.200", "64:ff9b::a9fe:a9fe", "0.0.0.0", "::", "192.0.0.192"],
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

test("localhost is both families, a literal is itself", async () => {
  expect(await resolveHost("localhost", false)).toEqual(["127.0.0.1", "::1"]);
  expect(await resolveHost("[::1]", false)).toEqual(["::1"]);
});
