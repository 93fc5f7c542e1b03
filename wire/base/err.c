/* SPDX-License-Identifier: Apache-2.0
 *
 * Error texts and reasons.  Keeps no state. */
#include "wire/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum err err_set(struct err_text *why, enum err code, const char *fmt, ...)
{
	va_list ap;

	if (why) {
		va_start(ap, fmt);
		(void)vsnprintf(why->text, sizeof why->text, fmt, ap);
		va_end(ap);
	}
	return code;
}

const char *err_str(int code)
{
	switch (code) {
	case E_OK:
		return "No error";
	case E_FAIL:
		return "Unspecified error";
#define ERR(name, number, text) case number: return text;
#include "wire/base/err.def"
#undef ERR
	default:
		return code > 0 && code < 1000 ? strerrordesc_np(code) :
		       "Unknown error";
	}
}
