// Whether PowerShell files are PowerShell, by a grammar of it: for machines that have no PowerShell.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const tools = createRequire(process.env.TOOLS + "/");
const load = async (name) => (await import(pathToFileURL(tools.resolve(name)))).default;
const [Parser, language] = [await load("tree-sitter"), await load("tree-sitter-powershell")];
const parser = new Parser();
parser.setLanguage(language);

let wrong = 0;
for (const file of process.argv.slice(2)) {
  const text = readFileSync(file, "utf8");
  const tree = parser.parse((at) => (at < text.length ? text.slice(at, at + 4096) : null));
  const look = (node) => {
    if (node.type === "ERROR" || node.isMissing) {
      console.error(`${file}:${node.startPosition.row + 1}: ${JSON.stringify(text.slice(node.startIndex, node.startIndex + 60))}`);
      wrong += 1;
    }
    node.children.forEach(look);
  };
  look(tree.rootNode);
  if (tree.rootNode.descendantCount < 100) wrong += 1;
}
process.exit(wrong ? 1 : 0);
