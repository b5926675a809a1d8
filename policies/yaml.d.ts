/** Templates are imported as text: `import text from "./x.yaml" with { type: "text" }`. */
declare module "*.yaml" {
  const text: string;
  export default text;
}
