// A result that is a place with a dot in its name, such as #module-d2lcnn.layers, is looked up by Sphinx as if the dot
// began a class: it warns on the console and shows the beginning of the page in place of what was found.
const textOf = Search.htmlToText;
Search.htmlToText = (page, anchor) => textOf(page, anchor && `#${CSS.escape(anchor.slice(1))}`);
