package apiserver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const host = "127.0.0.1"

// cluster is a control plane: etcd, kube-apiserver and kube-controller-manager,
// and our stand-in for kubelets.
type cluster struct {
	dir        string
	kubeconfig string // of an administrator
	rest       *rest.Config
	client     kubernetes.Interface
	dynamic    dynamic.Interface
	metadata   metadata.Interface
	mapper     meta.RESTMapper
	kinds      []schema.GroupVersionResource // that are in namespaces, and stay
	kubelet    *kubelet

	processes  []*process
	end        context.CancelFunc
	background sync.WaitGroup
}

// startCluster returns when the API server is ready and its namespaces have
// their service account, as every Pod needs one.
func startCluster(ctx context.Context, dir string) (started *cluster, err error) {
	c := &cluster{dir: dir, kubeconfig: filepath.Join(dir, "kubeconfig"), end: func() {}}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if err := c.writeCertificates(); err != nil {
		return nil, fmt.Errorf("making certificates: %w", err)
	}
	etcd, api, controllers, err := freeAddresses()
	if err != nil {
		return nil, err
	}
	if err := c.connect("https://" + api); err != nil {
		return nil, err
	}
	if err := c.start(programs.etcd, "--data-dir="+filepath.Join(dir, "etcd"), "--log-level=warn", "--logger=zap",
		"--listen-client-urls=http://"+etcd, "--advertise-client-urls=http://"+etcd, "--listen-peer-urls=http://"+host+":0"); err != nil {
		return nil, err
	}
	if err := c.start(programs.apiserver, "--etcd-servers=http://"+etcd,
		"--bind-address="+host, "--secure-port="+port(api), "--advertise-address="+host, "--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=10.0.0.0/16", "--authorization-mode=RBAC", "--enable-priority-and-fairness=false",
		"--client-ca-file="+c.file("ca.crt"), "--tls-cert-file="+c.file("server.crt"), "--tls-private-key-file="+c.file("server.key"),
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file="+c.file("accounts.key"),
		"--service-account-signing-key-file="+c.file("accounts.key")); err != nil {
		return nil, err
	}
	if err := c.eventually(ctx, "the API server is ready", func(ctx context.Context) error {
		return c.client.CoreV1().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	}); err != nil {
		return nil, err
	}
	if err := c.start(programs.controllers, "--kubeconfig="+c.kubeconfig, "--leader-elect=false",
		"--bind-address="+host, "--secure-port="+port(controllers), "--cert-dir="+c.file("controllers"),
		"--service-account-private-key-file="+c.file("accounts.key"), "--root-ca-file="+c.file("ca.crt"),
		"--controllers=*,-persistentvolume-binder-controller", // there are no volumes
		"--kube-api-qps=500", "--kube-api-burst=1000"); err != nil {
		return nil, err
	}
	ctx, c.end = context.WithCancel(context.WithoutCancel(ctx))
	c.kubelet = &kubelet{client: c.client}
	c.background.Go(func() { c.kubelet.run(ctx) })
	return c, nil
}

func (c *cluster) file(name string) string { return filepath.Join(c.dir, name) }

func (c *cluster) start(path string, args ...string) error {
	p, err := start(c.dir, path, args...)
	if err == nil {
		c.processes = append(c.processes, p)
	}
	return err
}

// eventually is eventually that gives up when a part of the cluster has died.
func (c *cluster) eventually(ctx context.Context, what string, condition func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	return eventually(ctx, what, func(ctx context.Context) error {
		for _, p := range c.processes {
			if err := p.died(); err != nil {
				cancel(err)
				return err
			}
		}
		return condition(ctx)
	})
}

// connect makes clients, and the file by which helm and kubectl find the cluster.
func (c *cluster) connect(url string) (err error) {
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: url, CertificateAuthority: c.file("ca.crt")}
	config.AuthInfos["admin"] = &clientcmdapi.AuthInfo{ClientCertificate: c.file("admin.crt"), ClientKey: c.file("admin.key")}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "admin"}
	config.CurrentContext = "test"
	if err := clientcmd.WriteToFile(*config, c.kubeconfig); err != nil {
		return fmt.Errorf("writing the kubeconfig: %w", err)
	}
	if c.rest, err = clientcmd.BuildConfigFromFlags("", c.kubeconfig); err != nil {
		return err
	}
	c.rest.QPS, c.rest.Burst = 500, 1000
	c.client, err = kubernetes.NewForConfig(c.rest)
	if err != nil {
		return err
	}
	c.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(c.client.Discovery()))
	if c.metadata, err = metadata.NewForConfig(c.rest); err != nil {
		return err
	}
	c.dynamic, err = dynamic.NewForConfig(c.rest)
	return err
}

// learnKinds asks what there can be in a namespace, but for events, and for
// endpoints, which are there once more as slices.
func (c *cluster) learnKinds() error {
	lists, err := c.client.Discovery().ServerPreferredNamespacedResources()
	if err != nil {
		return fmt.Errorf("asking for the kinds of objects: %w", err)
	}
	kinds, err := discovery.GroupVersionResources(discovery.FilteredBy(discovery.SupportsAllVerbs{Verbs: []string{"list", "delete"}}, lists))
	if err != nil {
		return err
	}
	for kind := range kinds {
		if kind.Resource != "events" && kind.Resource != "endpoints" {
			c.kinds = append(c.kinds, kind)
		}
	}
	return nil
}

func (c *cluster) close() {
	c.end()
	c.background.Wait()
	for _, p := range c.processes {
		p.kill()
	}
}

// freeAddresses are three that nobody listens on. Their ports are below those that
// systems give to connections: etcd has hundreds before the last of the three is used.
func freeAddresses() (a, b, c string, err error) {
	var all []string
	for range 100 {
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("%s:%d", host, 10_000+rand.IntN(10_000))); err != nil {
			continue
		}
		defer l.Close()
		if all = append(all, l.Addr().String()); len(all) == 3 {
			return all[0], all[1], all[2], nil
		}
	}
	return "", "", "", fmt.Errorf("looking for a free port: %w", err)
}

func port(address string) string { return address[strings.LastIndex(address, ":")+1:] }

// writeCertificates makes what the parts of the cluster trust each other by.
func (c *cluster) writeCertificates() error {
	ca, err := newAuthority()
	if err != nil {
		return err
	}
	server, err := ca.sign("kube-apiserver", "")
	if err != nil {
		return err
	}
	admin, err := ca.sign("admin", "system:masters")
	if err != nil {
		return err
	}
	accounts, err := ca.sign("service accounts", "") // of it only the key is used
	if err != nil {
		return err
	}
	var failed []error
	for name, content := range map[string][]byte{
		"ca.crt": ca.cert, "server.crt": server.cert, "server.key": server.key,
		"admin.crt": admin.cert, "admin.key": admin.key, "accounts.key": accounts.key,
	} {
		failed = append(failed, os.WriteFile(c.file(name), content, 0o600))
	}
	return errors.Join(failed...)
}
