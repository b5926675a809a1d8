/** A parsed policy file: values that know where they stand. */

/** Line and column count from 1. */
export interface At {
  readonly line: number;
  readonly column: number;
}

export type Node = ScalarNode | ListNode | MapNode;

export interface ScalarNode {
  readonly kind: "scalar";
  readonly at: At;
  readonly value: string | number | boolean | null;
  /** As written, for numbers. */
  readonly source: string;
}

export interface ListNode {
  readonly kind: "list";
  readonly at: At;
  readonly items: readonly Node[];
}

export interface MapNode {
  readonly kind: "map";
  readonly at: At;
  readonly entries: readonly Entry[];
}

export interface Entry {
  readonly key: string;
  readonly at: At;
  readonly value: Node;
}
