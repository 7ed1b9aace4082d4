#include "record/program.h"

#include "record/environment.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK ((size_t)64 * 1024)
#define SHEBANG_MAX 255 /* what the kernel looks at */

bool hpt_program_read(int fd, HptProgramContent *out, GError **error)
{
    g_autofree char *buffer = g_malloc(CHUNK);
    g_autofree char *interpreter = NULL;
    g_autoptr(HptDigester) digester = hpt_digester_new();
    int64_t size = 0;
    for (;;) {
        ssize_t n = pread(fd, buffer, CHUNK, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            hpt_error_set_errno(error, errno, "cannot be read");
            return false;
        }
        if (n == 0)
            break;
        if (size == 0 && n > 2 && memcmp(buffer, "#!", 2) == 0) {
            interpreter = g_strndup(buffer + 2, MIN((size_t)n - 2, SHEBANG_MAX));
            interpreter[strcspn(interpreter, "\r\n")] = '\0';
            g_strstrip(interpreter);
        }
        hpt_digester_add(digester, buffer, (size_t)n);
        size += n;
    }
    *out = (HptProgramContent){.digest = hpt_digester_get(digester),
                               .size = size,
                               .interpreter = g_steal_pointer(&interpreter)};
    return true;
}

static bool is_program(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

/* name below folder, unless it is absolute; owned. */
static char *below(const char *folder, const char *name)
{
    return folder == NULL || *name == '/' ? g_strdup(name) : g_strconcat(folder, "/", name, NULL);
}

/* path if it is a program; else NULL, and *other is the first that is there but is none. */
static char *try_program(char *path, char **other)
{
    if (is_program(path))
        return path;
    if (*other == NULL && access(path, F_OK) == 0)
        *other = path;
    else
        g_free(path);
    return NULL;
}

static char *look_for(const char *command, const char *path, const char *directory, char **other)
{
    if (*command == '\0')
        return NULL;
    if (strchr(command, '/') != NULL)
        return try_program(below(directory, command), other);
    if (path == NULL)
        path = "/bin:/usr/bin"; /* confstr(_CS_PATH), what execvp takes */
    g_auto(GStrv) folders = g_strsplit(path, ":", -1);
    for (char **folder = folders; *folder != NULL; folder++) {
        /* An empty element is the current folder (POSIX, "Other Environment Variables"). */
        g_autofree char *name =
            **folder == '\0' ? g_strdup(command) : g_strconcat(*folder, "/", command, NULL);
        char *found = try_program(below(directory, name), other);
        if (found != NULL)
            return found;
    }
    return NULL;
}

char *hpt_find_program(const char *command, const char *path, const char *directory)
{
    g_autofree char *other = NULL;
    return look_for(command, path, directory, &other);
}

bool hpt_check_program(const char *command, const char *path, const char *directory, GError **error)
{
    g_autofree char *other = NULL;
    g_autofree char *found = look_for(command, path, directory, &other);
    if (found != NULL)
        return true;
    if (other == NULL)
        g_set_error(error, HPT_ERROR, HPT_ERROR_NO_COMMAND, "command '%s' is not found", command);
    else
        g_set_error(error, HPT_ERROR, HPT_ERROR_NOT_EXECUTABLE, "command '%s' cannot be run: %s %s",
                    command, other,
                    g_file_test(other, G_FILE_TEST_IS_DIR) ? "is a folder" : "is not executable");
    return false;
}
