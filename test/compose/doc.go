// Package compose reads docs/compose as Docker Compose does: by the Compose
// specification's own library, which checks the schema, fills in variables and resolves
// references. It starts nothing.
//
// It is a module of its own, so that the product does not depend on that library.
package compose
