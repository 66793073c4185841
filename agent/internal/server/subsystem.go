package server

import (
	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"berth.dev/agent/internal/children"
)

// maximumPart is how many bytes of a file are given at once: fewer, and answers cost more than what they carry.
const maximumPart = 128 * 1024

// runSubsystem answers `subsystem` (RFC 4254, section 6.5): sftp, which begins in the home folder.
func (session *session) runSubsystem(request *ssh.Request, name string) {
	if name != "sftp" {
		session.refuse(request, "berth-agent: no such subsystem\n")
		return
	}
	watched := session.watchActivity(name, nil)
	server, err := sftp.NewServer(
		noticingChannel{session.channel, watched.meter},
		sftp.WithServerWorkingDirectory(session.environment.Home()),
		sftp.WithMaxTxPacket(maximumPart),
	)
	if err != nil {
		session.refuse(request, "berth-agent: "+err.Error()+"\n")
		return
	}
	request.Reply(true, nil)
	go func() {
		err := server.Serve()
		ending := children.Status{}
		if err != nil {
			ending.Code = 1
		}
		tellEnd(session.channel, ending)
	}()
}
