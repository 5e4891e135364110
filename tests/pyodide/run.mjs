// Runs program.py in CPython 3.14 (WebAssembly) and prints what it collects as JSON.
import { fileURLToPath } from "node:url";
import { loadPyodide } from "pyodide";

const folder = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const python = await loadPyodide({
  // The mounted folders are the project's own: nothing is written into them.
  env: { PYTHONDONTWRITEBYTECODE: "1" },
});
python.mountNodeFS("/course/helpers", folder("../../helpers"));
python.mountNodeFS("/course/program", folder("."));
try {
  const collected = await python.runPythonAsync(`
import json, sys
sys.path[:0] = ["/course", "/course/program"]
import program
json.dumps(await program.collect())
`);
  process.stdout.write(collected + "\n");
} catch (error) {
  // The traceback alone: node would print the megabyte of JavaScript that it went through.
  process.stderr.write(error.message + "\n");
  process.exitCode = 1;
}
