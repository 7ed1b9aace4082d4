/* A proxy between a client and a PostgreSQL server, over Unix sockets, that cuts a connection at a
 * message boundary. For tests.
 *
 *     cutproxy LISTEN SERVER SIDE K REPORT
 *
 * SIDE  server  the first K messages of the server go through, then both ends are cut: what the
 *               client sent may have been done, and the answer is lost
 *       client  the first K messages of the client go through, then both ends are cut
 *       reply   the first K messages of the client go through and the server's answers to the last
 *               of them are swallowed up to ReadyForQuery; then both ends are cut
 *       none    nothing is cut
 *
 * Messages are counted over all connections, and only one cut is made. When it has been made the file
 * REPORT is there. Ends when its standard input does.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MOST = 64, ROOM = 1 << 20 };

typedef struct {
    int fd;
    uint8_t *bytes; /* ROOM */
    size_t length;
    bool startup; /* the next message has no type: a client's first */
} End;

typedef struct {
    End client, server;
    bool open, swallow;
} Pair;

static Pair pairs[MOST];
static const char *side, *report, *server_path;
static long limit, seen_client, seen_server;
static bool cut_made;

static int unix_socket(const char *path, bool serve)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || strlen(path) >= sizeof address.sun_path)
        return -1;
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (serve) {
        unlink(path);
        if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 16) == 0)
            return fd;
    } else if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
        return fd;
    }
    close(fd);
    return -1;
}

static void shut(Pair *pair)
{
    close(pair->client.fd);
    close(pair->server.fd);
    free(pair->client.bytes);
    free(pair->server.bytes);
    *pair = (Pair){0};
}

static void cut(Pair *pair)
{
    int fd = open(report, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    cut_made = true;
    shut(pair);
}

static bool write_all(int fd, const uint8_t *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        length -= (size_t)n;
    }
    return true;
}

/* Length of the first message in the buffer, 0 if it is not all there. */
static size_t message_length(const End *end)
{
    size_t head = end->startup ? 0 : 1;
    if (end->length < head + 4)
        return 0;
    const uint8_t *l = end->bytes + head;
    size_t length = head + ((size_t)l[0] << 24 | (size_t)l[1] << 16 | (size_t)l[2] << 8 | l[3]);
    return length <= end->length ? length : 0;
}

/* Sends on the whole messages of from; false when the pair is gone. */
static bool forward(Pair *pair, bool from_client)
{
    End *from = from_client ? &pair->client : &pair->server;
    int to = from_client ? pair->server.fd : pair->client.fd;
    long *seen = from_client ? &seen_client : &seen_server;
    for (size_t length; (length = message_length(from)) > 0;) {
        bool ready = !from_client && from->bytes[0] == 'Z';
        if (pair->swallow && !from_client) {
            if (ready) {
                cut(pair);
                return false;
            }
        } else if (!write_all(to, from->bytes, length)) {
            shut(pair);
            return false;
        }
        memmove(from->bytes, from->bytes + length, from->length - length);
        from->length -= length;
        from->startup = false;
        ++*seen;
        bool mine = strcmp(side, from_client ? "client" : "server") == 0;
        if (!cut_made && mine && *seen == limit) {
            cut(pair);
            return false;
        }
        if (!cut_made && from_client && strcmp(side, "reply") == 0 && *seen == limit)
            pair->swallow = true;
    }
    return true;
}

static bool pump(Pair *pair, bool from_client)
{
    End *from = from_client ? &pair->client : &pair->server;
    if (from->length == ROOM)
        return true;
    ssize_t n = recv(from->fd, from->bytes + from->length, ROOM - from->length, MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    if (n <= 0) {
        shut(pair);
        return false;
    }
    from->length += (size_t)n;
    return forward(pair, from_client);
}

static void take(int listener)
{
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    int server = client < 0 ? -1 : unix_socket(server_path, false);
    Pair *pair = pairs;
    while (pair < pairs + MOST && pair->open)
        pair++;
    if (server < 0 || pair == pairs + MOST) {
        if (client >= 0)
            close(client);
        if (server >= 0)
            close(server);
        return;
    }
    *pair = (Pair){.open = true,
                   .client = {client, malloc(ROOM), 0, true},
                   .server = {server, malloc(ROOM), 0, false}};
    if (pair->client.bytes == NULL || pair->server.bytes == NULL)
        abort();
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return 2;
    server_path = argv[2];
    side = argv[3];
    limit = strtol(argv[4], NULL, 10);
    report = argv[5];
    int listener = unix_socket(argv[1], true);
    if (listener < 0)
        return 1;
    for (;;) {
        struct pollfd fds[2 + 2 * MOST] = {{.fd = 0, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
        for (int i = 0; i < MOST; i++) {
            fds[2 + 2 * i] = (struct pollfd){.fd = pairs[i].open ? pairs[i].client.fd : -1, .events = POLLIN};
            fds[3 + 2 * i] = (struct pollfd){.fd = pairs[i].open ? pairs[i].server.fd : -1, .events = POLLIN};
        }
        if (poll(fds, 2 + 2 * MOST, -1) < 0)
            continue;
        if (fds[0].revents != 0) {
            char byte;
            if (read(0, &byte, 1) <= 0)
                break;
        }
        for (int i = 0; i < MOST; i++) {
            if (pairs[i].open && fds[2 + 2 * i].revents != 0 && !pump(&pairs[i], true))
                continue;
            if (pairs[i].open && fds[3 + 2 * i].revents != 0)
                pump(&pairs[i], false);
        }
        if (fds[1].revents != 0)
            take(listener);
    }
    fprintf(stderr, "client %ld server %ld\n", seen_client, seen_server);
    unlink(argv[1]);
    return 0;
}
